"""A message reaches a person: composed at the moment of sending, tried until it left, never sent twice on purpose."""
