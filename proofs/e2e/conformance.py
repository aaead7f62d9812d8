"""Our own participants against the rules that the conformance kit holds everybody's against."""

from proofs.e2e.desk import Desk
from proofs.e2e.scenario import Group
from proofs.e2e.steps import booking_data
from saga_conformance.participant import Participant
from saga_conformance.report import HELD, examine
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
    rules = [rule for rule in RULES if rule is not a_restart_forgets_nothing]
    broken = [str(finding) for finding in examine(participant, rules) if finding.verdict != HELD]
    assert not broken, "\n".join(broken)
