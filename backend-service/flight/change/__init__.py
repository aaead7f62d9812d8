"""Changing a booked trip: its quote, its saga, and the request."""
