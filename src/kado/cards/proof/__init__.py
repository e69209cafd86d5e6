"""What `kado verify` proves, part by part: entries, card facts, seals. Only reads; judges, and repairs nothing."""
