"""What all services share. It knows no word of flights, payments or miles."""
