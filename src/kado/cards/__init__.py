"""A card, its life and its money."""
