"""The tiers of the programme, by the balance of miles."""

TIERS = (
    (0, "Member"),
    (5_000, "Bronze"),
    (15_000, "Silver"),
    (40_000, "Gold"),
    (100_000, "Platinum"),
)


def tier_of(balance: int) -> str:
    return next((name for least, name in reversed(TIERS) if balance >= least), TIERS[0][1])


def next_tier(balance: int) -> tuple[str, int] | None:
    """The next tier's name and the miles still missing; None at the top."""
    return next(((name, least - balance) for least, name in TIERS if balance < least and least > 0), None)
