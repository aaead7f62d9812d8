"""A deployment for production on this machine's engine, from a fresh clone to a restored back-up."""
