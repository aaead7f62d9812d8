"""What the reads of sagas take in their query strings, where all values are texts."""

import re
from datetime import UTC, datetime
from typing import Annotated

from django_sagas.clock import utc_now
from django_sagas.selectors import PAGE, Filters, read_cursor
from django_sagas.state import SagaStatus
from pydantic import Field, PlainValidator, WithJsonSchema
from service_kit import rules
from service_kit.inputs import Input, number, one_of, text
from service_kit.problems import invalid
from service_kit.rules import TextRule

from flight.operations import saga_search
from flight.saga_requests import IDEMPOTENCY_KEY

KEY = TextRule(200, "is not an Idempotency-Key", IDEMPOTENCY_KEY)
DEFINITION = TextRule(64, "must be the name of a definition", re.compile("[a-z0-9-]{1,64}"))
ID_PREFIX = TextRule(36, "must be 4 to 36 of 0-9 a-f -", re.compile("[0-9a-f-]{4,36}"))
SEARCH = rules.printable_text(200)
MAX_SEQUENCE = 2**31 - 1


def _moment(value: str) -> datetime:
    try:
        # An unescaped plus arrives as a space.
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be an ISO 8601 date and time") from error


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return value.lower() in ("true", "1")


class Events(Input):
    after: Annotated[int, *number(0, MAX_SEQUENCE)] = 0


Moment = Annotated[
    datetime | None, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]


class Sagas(Input):
    status: Annotated[str | None, *one_of(SagaStatus.values)] = None
    needs_attention: Annotated[bool | None, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})] = None
    user_id: Annotated[str | None, *text(rules.USER)] = None
    idempotency_key: Annotated[
        str | None,
        *text(KEY),
        Field(description="what became of a start-booking sent with this key; needs `user_id`"),
    ] = None
    definition: Annotated[
        str | None,
        *text(DEFINITION),
        Field(description="such as settle-trip; without it those that callers begin, and of open ones all"),
    ] = None
    id_prefix: Annotated[str | None, *text(ID_PREFIX), Field(description="of the id")] = None
    q: Annotated[
        str,
        *text(SEARCH),
        Field(description="a ticket, a flight (ZZ1234 or ZZ1234 2026-12-04), a name or a mail address"),
    ] = ""
    attention_reason: Annotated[str, *text(SEARCH), Field(description="why the saga is stuck")] = ""
    created_after: Moment = None
    created_before: Moment = None
    limit: Annotated[int, *number(1, 200)] = PAGE
    cursor: Annotated[
        tuple[datetime, str] | None,
        PlainValidator(read_cursor),
        WithJsonSchema({"type": "string"}),
        Field(description="of the page before, in its `next`"),
    ] = None

    def filters(self) -> Filters:
        if self.idempotency_key and not self.user_id:
            raise invalid({"user_id": "is required with idempotency_key"})
        others = self.model_dump(exclude={"cursor", "user_id", "q"})
        found = saga_search.find(self.q, now=utc_now()) if self.q else None
        return Filters(**others, subject=self.user_id, after=self.cursor, ids=found)
