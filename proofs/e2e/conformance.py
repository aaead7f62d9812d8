"""Our own participants against the rules that the conformance kit holds everybody's against."""

from collections.abc import Collection

from proofs.e2e.desk import Desk
from proofs.e2e.scenario import Group
from proofs.e2e.steps import booking_data
from saga_conformance.participant import Participant
from saga_conformance.report import HELD, UNTRIED, examine
from saga_conformance.rules import RULES, a_restart_forgets_nothing

# Restarts are the chaos run's: it kills every service.
conformance = Group("The rules of a participant, as a black box")

OTHER = {"flight_fare": 1.5, "seat_class": "business", "user_id": "somebody-else"}
"Something that each action uses."
PAIRS = (
    ("backend", "reserve-seat", "cancel-seat"),
    ("payment", "authorize-payment", "cancel-payment"),
    ("loyalty", "award-miles", "reverse-miles"),
    ("backend", "confirm-booking", "cancel-booking"),
)


@conformance.cases(*((action, service, compensation) for service, action, compensation in PAIRS))
def every_rule_holds(desk: Desk, action: str, service: str, compensation: str) -> None:
    address = getattr(desk.addresses, service) + "/api/saga/"
    reservation = (f"{address}reserve-seat/", f"{address}cancel-seat/")
    data = booking_data(desk)
    participant = Participant(
        f"{address}{action}/",
        f"{address}{compensation}/",
        {"booking_data": data},
        other_body={"booking_data": data | OTHER},
        refused_body={"booking_data": data, "simulate_failure": True},
        before=[reservation] if action == "confirm-booking" else [],
        expected={"success": True},
    )
    assert_holds(participant)


@conformance.cases(("capture-payment",), ("refund-payment",))
def every_rule_of_a_step_without_a_compensation_holds(desk: Desk, action: str) -> None:
    address = desk.addresses.payment + "/api/saga/"
    data = booking_data(desk) | {"amount": 20.5}
    authorized = (f"{address}authorize-payment/", f"{address}cancel-payment/")
    captured = [(f"{address}capture-payment/", "")] if action == "refund-payment" else []
    participant = Participant(
        f"{address}{action}/",
        "",
        {"booking_data": data},
        other_body={"booking_data": data | {"amount": 20.51}},
        refused_body={"booking_data": data | {"amount": 1_000_000}},
        before=[authorized, *captured],
        expected={"success": True},
    )
    assert_holds(participant, (HELD, UNTRIED))


def assert_holds(participant: Participant, allowed: Collection[str] = (HELD,)) -> None:
    rules = [rule for rule in RULES if rule is not a_restart_forgets_nothing]
    broken = [str(finding) for finding in examine(participant, rules) if finding.verdict not in allowed]
    assert not broken, "\n".join(broken)
