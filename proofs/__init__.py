"""How the suite is known to work: README.md leads through it."""
