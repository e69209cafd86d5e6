"""Programs in the console: their rules and what these mean, their look, and who may use them."""
