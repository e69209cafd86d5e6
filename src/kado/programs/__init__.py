"""The tenant's rules: in which currency, within which limits, for how long cards live, and who may use them."""
