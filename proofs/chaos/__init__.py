"""The suite under kill -9 and a bad network, as real processes: `make chaos`."""
