"""What is booked, and how it ends when nothing goes wrong on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SETTLE = "settle"


@dataclass(frozen=True)
class Story:
    name: str
    end: str
    asks: Mapping[str, Any] = field(default_factory=dict)
    "on top of a plain booking"
    verb: str = "start"
    before: str = ""
    "where it stands when the first commit never happens"

    @property
    def is_settlement(self) -> bool:
        """Whether it tells of the booking's settlement; other stories are settled after their end."""
        return self.verb == SETTLE


STORIES = (
    Story("booked", "COMPLETED"),
    Story("no seat", "COMPENSATED", {"simulate_reserveseat_fail": True}),
    Story("declined", "COMPENSATED", {"payment": {"card_token": "tok_declined"}}),
    Story("no miles", "COMPENSATED", {"simulate_awardmiles_fail": True}),
    Story("no ticket", "COMPENSATED", {"simulate_confirmbooking_fail": True}),
    Story("cancelled", "COMPENSATED", verb="cancel booking", before="COMPLETED"),
    Story("settled", "COMPLETED", verb="settle", before="PENDING"),
)


def booking(story: Story, *, flight_id: int, user_id: str) -> dict[str, Any]:
    """The body of a start-booking."""
    return {
        "flight_id": flight_id,
        "user_id": user_id,
        "passengers": [{"first_name": "Ada", "last_name": "Lovelace"}],
        "contact_info": {"email": "ada@example.com", "mobile": "+442079460000"},
        "payment": {"card_token": "tok_ok"},
    } | dict(story.asks)
