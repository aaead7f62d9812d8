"""Trips that the load books can be flown."""

from proofs.chaos.offers import chains


def flies(number: int, day: int, hours: int = 3) -> dict[str, object]:
    day_of = f"2027-01-{day:02d}T"
    return {"id": number, "departs_at": f"{day_of}10:00:00Z", "arrives_at": f"{day_of}{10 + hours}:00:00Z"}


def test_a_trip_takes_a_flight_of_each_part_of_the_period() -> None:
    offers = [flies(number, day) for number, day in ((4, 4), (1, 1), (3, 3), (2, 2))]
    assert list(chains(offers, 2)) == [(1, 3), (2, 4)]
    assert list(chains(offers, 4)) == [(1, 2, 3, 4)]
    assert list(chains(offers, 5)) == []


def test_a_flight_that_leaves_before_the_one_before_has_arrived_is_in_no_trip() -> None:
    assert list(chains([flies(1, 1), flies(2, 1)], 2)) == []
