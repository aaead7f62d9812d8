"""Who tried what: counts that limit how often, and an audit trail that nobody can change."""
