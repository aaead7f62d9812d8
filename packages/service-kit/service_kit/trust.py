"""Whose word counts for what: the people that an issuer's credentials may speak for, at each service.

What is not in the table is refused: an issuer without a row at an audience cannot even call it.
"""

from collections.abc import Mapping
from typing import NamedTuple

UI, BACKEND = "ui", "backend"
PARTICIPANT = "participant"
"Every audience but these two."
TRAVELLER, OPERATOR, AUDITOR = "traveller", "operator", "auditor"
NOBODY: frozenset[str] = frozenset()
EVERYBODY = frozenset({"", TRAVELLER, OPERATOR, AUDITOR})
"A person without a role is a traveller."


class Rights(NamedTuple):
    """Roles of the people that a service may call for, and of those whom it may give a token of their own."""

    calls_for: frozenset[str]
    issues_to: frozenset[str]


# (issuer, audience). The backend reads what participants recorded, as an auditor.
TABLE: Mapping[tuple[str, str], Rights] = {
    (UI, BACKEND): Rights(calls_for=EVERYBODY, issues_to=EVERYBODY),
    (UI, PARTICIPANT): Rights(calls_for=EVERYBODY, issues_to=EVERYBODY),
    (BACKEND, PARTICIPANT): Rights(calls_for=frozenset({AUDITOR}), issues_to=NOBODY),
}
ISSUERS = tuple(dict.fromkeys(issuer for issuer, _ in TABLE))


def rights(issuer: str, audience: str) -> Rights | None:
    """None: it may not call this service at all."""
    return TABLE.get((issuer, audience if audience in (UI, BACKEND) else PARTICIPANT))
