"""What belongs to a merchant and to no one program: people, keys, webhooks."""
