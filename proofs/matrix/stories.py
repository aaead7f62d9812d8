"""What is booked, and how it ends when nothing goes wrong on the way."""

from collections.abc import Sequence
from typing import Any

from django_sagas.testing import Story

SETTLE = "settle"
"what recovery does with a booking's settlement; every story is settled at its end"

STORIES: Sequence[Story] = (
    Story("booked"),
    Story("no seat", {"simulate_reserveseat_fail": True}, ends="COMPENSATED"),
    Story("declined", {"payment": {"card_token": "tok_declined"}}, ends="COMPENSATED"),
    Story("no miles", {"simulate_awardmiles_fail": True}, ends="COMPENSATED"),
    Story("no ticket", {"simulate_confirmbooking_fail": True}, ends="COMPENSATED"),
    Story("cancelled", cancelled=True, ends="COMPENSATED"),
)


def booking(story: Story, *, flight_id: int, user_id: str) -> dict[str, Any]:
    """The body of a start-booking."""
    return {
        "flight_id": flight_id,
        "user_id": user_id,
        "passengers": [{"first_name": "Ada", "last_name": "Lovelace"}],
        "contact_info": {"email": "ada@example.com", "mobile": "+442079460000"},
        "payment": {"card_token": "tok_ok"},
    } | dict(story.data)
