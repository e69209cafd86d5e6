"""Pages around a card: the list of all of them, one's story, and everything that can be done with one."""
