"""Cancelling a booking: its quote, the fare's rules, and the request."""
