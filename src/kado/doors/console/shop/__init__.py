"""What belongs to a merchant and to no one program: people, places, keys, webhooks."""
