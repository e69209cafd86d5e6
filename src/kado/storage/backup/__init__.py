"""Backups: one file each, made while the server works, checked from end to end before anything is restored from it."""
