"""How far a typed beginning of a name is from the name."""

# A shorter text is too near to too many names.
SHORTEST, LONG, LONGEST = 4, 7, 24


def forgiven(typed: str) -> int:
    """How many mistakes a text may have."""
    return 0 if not SHORTEST <= len(typed) <= LONGEST else 1 if len(typed) < LONG else 2


def mistakes(typed: str, name: str) -> int:
    """The letters that are wrong, missing, doubled or swapped in `typed` as a beginning of `name`."""
    name = name[: len(typed) + forgiven(typed)]
    before: list[int] = []
    row = list(range(len(name) + 1))
    for place, letter in enumerate(typed, start=1):
        earlier, before, row = before, row, [place]
        for at, other in enumerate(name, start=1):
            least = min(before[at - 1] + (letter != other), before[at] + 1, row[at - 1] + 1)
            if place > 1 and at > 1 and (letter, typed[place - 2]) == (name[at - 2], other):
                least = min(least, earlier[at - 2] + 1)
            row.append(least)
    return min(row)
