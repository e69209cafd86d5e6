"""What somebody keeps an eye on: messages, fraud, unusual traffic, the audit log."""
