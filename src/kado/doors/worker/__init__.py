"""The worker's door: jobs come in from the queue, tasks from the clock."""
