"""How one gets in: doors translate and decide nothing, and never import each other."""
