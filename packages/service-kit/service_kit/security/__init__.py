"""Rate limit counters and the append-only audit trail."""
