"""Our own participants against the rules that the conformance kit holds everybody's against."""

from e2e.desk import Desk
from e2e.scenario import Group
from e2e.steps import booking_data
from saga_conformance.participant import Participant
from saga_conformance.report import HELD, examine

conformance = Group("The rules of a participant, as a black box")

PAIRS = (
    ("backend", "reserve-seat", "cancel-seat"),
    ("payment", "authorize-payment", "cancel-payment"),
    ("loyalty", "award-miles", "reverse-miles"),
)


@conformance.cases(*((action, service, compensation) for service, action, compensation in PAIRS))
def every_rule_holds(desk: Desk, action: str, service: str, compensation: str) -> None:
    address = getattr(desk.addresses, service) + "/api/saga/"
    data = booking_data(desk)
    participant = Participant(
        f"{address}{action}/",
        f"{address}{compensation}/",
        {"booking_data": data},
        other_body={"booking_data": data | {"flight_fare": 1.5, "seat_class": "business"}},
        refused_body={"booking_data": data, "simulate_failure": True},
    )
    broken = [str(finding) for finding in examine(participant) if finding.verdict != HELD]
    assert not broken, "\n".join(broken)
