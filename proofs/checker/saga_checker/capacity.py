"""How many seats of a class an aircraft has, from the operators' layouts: rows times seats in a row."""

CAPACITY = {
    "E195-E2": {"business": 5 * 4, "economy": 28 * 4},
    "A320-200": {"business": 3 * 4, "economy": 24 * 6},
    "737-800": {"business": 4 * 4, "economy": 26 * 6},
    "787-9": {"business": 8 * 4, "economy": 29 * 9},
    "A350-900": {"first": 1 * 4, "business": 8 * 4, "economy": 26 * 9},
    "777-300ER": {"first": 2 * 4, "business": 6 * 7, "economy": 31 * 10},
}


def capacity(aircraft: str, seat_class: str) -> int:
    """0 for what this aircraft does not have."""
    return CAPACITY.get(aircraft, {}).get(seat_class, 0)
