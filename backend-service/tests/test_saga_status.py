"""The status of one saga."""

from tests.saga_participants import answers
from tests.saga_world import Desk, World


def test_the_status_of_a_complete_saga(desk: Desk, world: World) -> None:
    result = desk.book().json()
    status = desk.status(result["correlation_id"])
    assert status["result"] == result
    assert {
        name: status[name] for name in ("status", "reason", "needs_attention", "next_attempt_at", "owner")
    } == {
        "status": "COMPLETED",
        "reason": None,
        "needs_attention": False,
        "next_attempt_at": None,
        "owner": None,
    }
    assert status["booking_reference"] == result["booking_reference"]
    assert status["created_at"] <= status["finished_at"]
    assert [(step["name"], step["status"], step["attempts"]) for step in status["steps"]] == [
        ("ReserveSeat", "DONE", 1),
        ("AuthorizePayment", "DONE", 1),
        ("AwardMiles", "DONE", 1),
        ("ConfirmBooking", "DONE", 1),
    ]
    assert all(step["started_at"] and step["finished_at"] and not step["error"] for step in status["steps"])


def test_the_status_of_a_running_saga_has_no_result_and_says_when_it_is_tried_next(
    desk: Desk, world: World
) -> None:
    world.participants.then("AwardMiles", answers(503, b"", Retry_After="9"))
    cid = desk.book().json()["correlation_id"]
    status = desk.status(cid)
    assert "result" not in status
    assert status["finished_at"] is None
    assert status["next_attempt_at"] > status["created_at"]
    award = status["steps"][2]
    assert (award["status"], award["error"], award["finished_at"]) == (
        "UNKNOWN",
        "the participant answered 503",
        None,
    )


def test_the_status_of_a_refused_saga_names_each_steps_state(desk: Desk, world: World) -> None:
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    status = desk.status(cid)
    assert [step["status"] for step in status["steps"]] == ["UNDONE", "UNDONE", "REFUSED", "PENDING"]
    assert status["reason"] == "SIMULATED_FAILURE"
    assert status["steps"][2]["error_code"] == "SIMULATED_FAILURE"
