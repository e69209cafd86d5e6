"""Checks of a program's books that people ask for: long work, done by a worker in a process beside it."""
