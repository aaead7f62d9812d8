"""The simulated bank: another company, whose books only the simulated provider writes and auditors read."""
