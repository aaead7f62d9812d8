"""What all services share. It has no rule of flights, payments or miles."""

__version__ = "1.0.0"
