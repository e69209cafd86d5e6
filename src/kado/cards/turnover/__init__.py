"""What entries come to: summed up by the worker once they are final, and read together with those that are not yet."""
