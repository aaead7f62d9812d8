"""The end-to-end scenarios, by theme, and what they stand on."""
