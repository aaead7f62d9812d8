"""What all services share. Contains no rule of flights, payments or miles."""

__version__ = "1.0.0"
