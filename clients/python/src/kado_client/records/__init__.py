"""Answers as frozen records, one file a subject. Amounts are `Decimal` in the program's currency, times are aware."""
