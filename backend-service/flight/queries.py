"""What the reads of bookings take in their query strings, where all values are texts."""

import re
from typing import Annotated

from pydantic import Field
from service_kit.inputs import Input, one_of, text
from service_kit.rules import TextRule

from flight import selectors

REFERENCE = re.compile(r"[A-Z2-9]{6}")
A_BOOKING = TextRule(6, "is not a booking of this user", REFERENCE)
Reference = Annotated[str | None, *text(A_BOOKING), Field(description="a booking reference")]


class Tickets(Input):
    before: Reference = None


class Trips(Input):
    time: Annotated[str, *one_of(["", *selectors.TIMES])] = ""
    after: Reference = None
