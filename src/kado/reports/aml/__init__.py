"""What may be money laundering by gift cards: found in entries, shown to people. Nothing is refused for it."""
