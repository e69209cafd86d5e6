"""What the server counts, for Prometheus: on a port of its own, and nowhere else."""
