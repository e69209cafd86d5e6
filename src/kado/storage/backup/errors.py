"""What a backup or a restore says when it cannot go on."""


class BackupError(Exception):
    """Says in one or two sentences why there is no backup, or why nothing was restored, and what to do next."""
