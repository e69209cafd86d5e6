"""Who is asking, and may they: tokens, keys, signatures, roles, passwords, and the limits on guessing them."""
