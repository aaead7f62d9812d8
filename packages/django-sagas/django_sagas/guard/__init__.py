"""The participant guard: one record per (correlation id, step), in the transaction of the effect."""
