"""Known bugs, planted one at a time in a copy of the suite: each must be found by the short tests."""
