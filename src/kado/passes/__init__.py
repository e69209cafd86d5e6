"""Cards in people's wallets: the pass for Apple Wallet, the object at Google, and telling both when a card changes."""
