"""Cards by the thousand: an order is accepted, worked off in batches, and its codes are given out as a file."""
