"""What all services share. It knows no word of flights, payments or miles."""

__version__ = "1.0.0"
