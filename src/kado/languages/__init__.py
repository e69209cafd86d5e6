"""What people read in their own language: which one that is, the words for it, and how it writes money and days.

A ground of its own: mails, pages, passes and papers say the same things, and each of them in every language.
"""
