"""Durable, orchestrated sagas for Django."""

__version__ = "1.0.0"
