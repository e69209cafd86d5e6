"""The people behind cards: what is known of them, what they agreed to, and how they are forgotten."""
