"""The audit log as a merchant reads it: filtered, with names beside the ids, in pages and as a file."""
