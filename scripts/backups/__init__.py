"""Back-up and restore of the four databases."""
