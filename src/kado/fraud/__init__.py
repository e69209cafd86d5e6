"""What a program takes for fraud: rules, what they count, alerts, blocked addresses."""
