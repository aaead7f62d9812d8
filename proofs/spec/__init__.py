"""The protocol as a checked model."""
