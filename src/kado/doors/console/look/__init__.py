"""How the cards of a program look: name, colours, logo, designs, wallets, and what follows from them."""
