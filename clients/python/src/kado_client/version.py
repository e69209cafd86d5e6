"""The version of the client, apart from the server's."""

__version__ = "0.1.0"
