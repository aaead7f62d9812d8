"""The lessons of the stage: what is booked, what goes wrong, and where to read why it ends well."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ui.backend_client import Json

ORCHESTRATOR = "Orchestrator"
"In a fault the name of the process that runs the saga; it is the backend's."
HELD_SECONDS, LATE_SECONDS, ASLEEP_SECONDS = 7, 6, 13
Words = Promise | str
SAGA = "packages/django-sagas/django_sagas"


@dataclass(frozen=True)
class Act:
    """What the visitor does in the middle, while a call is waited for."""

    name: str
    button: Words
    told: Words


@dataclass(frozen=True)
class Late:
    """What happens after the saga has ended: the fault's own time tells when."""

    seconds: int
    told: Words


@dataclass(frozen=True)
class Lesson:
    slug: str
    title: Words
    promise: Words
    "what is shown"
    watch: Words
    faults: Sequence[Json] = ()
    card: str = "tok_ok"
    act: Act | None = None
    late: Late | None = None
    tells_claims: bool = False
    "whether process and token of each request are shown"
    unheard: Words = ""
    "why a request that was begun again has no answer"
    point: Words = ""
    "what it teaches"
    code: Sequence[tuple[str, Words]] = ()

    def loses(self, step: str) -> bool:
        return any(fault["step"] == step and fault["kind"] == "lose_reply" for fault in self.faults)


LESSONS = (
    Lesson(
        "success",
        _("A booking that works"),
        _("Three services, four steps, one booking."),
        _("Each step is asked for only when the one before it is done and written down."),
        point=_("A saga is a row of small transactions. Each is committed by the service that owns it."),
        code=(
            ("backend-service/flight/saga_orchestrator_complete.py", _("the table of the steps")),
            (f"{SAGA}/orchestrator.py", _("the loop that runs them")),
        ),
    ),
    Lesson(
        "refusal",
        _("The bank says no"),
        _("A step is refused, and what was done before it is undone."),
        _("The refused step changed nothing and needs no undoing. The seat is given back."),
        card="tok_declined",
        point=_("What took effect is undone in reverse order; what was refused is not."),
        code=(
            (f"{SAGA}/decision.py", _("what a saga needs next, as one pure function")),
            (f"{SAGA}/outcomes.py", _("done, refused and unknown are three answers")),
        ),
    ),
    Lesson(
        "lost-reply",
        _("The answer is lost"),
        _("The card is charged, and the answer never arrives."),
        _("The backend cannot know what happened, so it sends the same request again."),
        faults=({"step": "AuthorizePayment", "kind": "lose_reply", "times": 1},),
        point=_(
            "A repeat with the same id is answered from the record of the first: nothing is charged twice."
        ),
        code=(
            (f"{SAGA}/guard/barrier.py", _("the record that decides which request is the first")),
            ("payment-service/payment/services.py", _("the charge, in the same transaction")),
        ),
    ),
    Lesson(
        "undo-first",
        _("The undoing comes first"),
        _("A request is stuck on its way, and its undoing overtakes it."),
        _("Payment undoes what never came, and remembers that: the late request finds the door shut."),
        faults=({"step": "AuthorizePayment", "kind": "delay", "seconds": LATE_SECONDS, "times": 1},),
        act=Act(
            "cancel",
            _("Cancel the booking now"),
            _("The request to pay is held up. Cancel the booking before it arrives."),
        ),
        late=Late(
            LATE_SECONDS,
            _("The late request arrives. Payment's record says UNDONE: it is refused, nothing is charged."),
        ),
        unheard=_("Held up on its way; nobody waits for its answer any more."),
        point=_("An undoing with nothing to undo leaves a tombstone, which refuses the action from then on."),
        code=(
            (f"{SAGA}/guard/barrier.py", _("compensate: the tombstone")),
            ("docs/architecture.md", _("Participants: what a record answers, and when")),
        ),
    ),
    Lesson(
        "undo-fails",
        _("An undoing that fails"),
        _("The miles are refused, and the payment cannot be cancelled at first."),
        _("The backend tries again with longer and longer pauses. It never gives an undoing up."),
        faults=(
            {"step": "AwardMiles", "kind": "refuse", "times": 1},
            {"step": "CancelPayment", "kind": "fail", "times": 3},
        ),
        point=_(
            "Once undoing has begun there is no way but back, for hours if need be; an operator sees it."
        ),
        code=(
            (f"{SAGA}/decision.py", _("the pauses between the tries")),
            (f"{SAGA}/watchdog.py", _("when a person is asked to look")),
        ),
    ),
    Lesson(
        "killed",
        _("The orchestrator is killed"),
        _("The process that runs the booking dies in the middle of it."),
        _("Its supervisor starts another. When the lease of the dead one has run out, that one goes on."),
        faults=({"step": "AuthorizePayment", "kind": "delay", "seconds": HELD_SECONDS, "times": 1},),
        act=Act(
            "kill",
            _("Kill the worker now"),
            _("Payment takes its time. End the backend's worker, which waits for it."),
        ),
        tells_claims=True,
        unheard=_("The process that waited for this answer is dead. Another one goes on from the log."),
        point=_(
            "What a process was about to do is committed before it does it, so that any other can go on."
        ),
        code=(
            (f"{SAGA}/recovery.py", _("finds what is due and goes on with it")),
            (f"{SAGA}/saga_log.py", _("the lease, taken by one conditional UPDATE")),
        ),
    ),
    Lesson(
        "two-orchestrators",
        _("Two orchestrators"),
        _("The first falls asleep with the answer in its hand; a second takes its place."),
        _("Here both are threads of one worker process. What tells them apart is the token of each claim."),
        faults=({"step": ORCHESTRATOR, "kind": "delay", "seconds": ASLEEP_SECONDS, "times": 1},),
        late=Late(
            ASLEEP_SECONDS,
            _("The first wakes and writes with its old token: no row has it any more, nothing is changed."),
        ),
        tells_claims=True,
        unheard=_("Payment has answered, and the first orchestrator sleeps before it writes that down."),
        point=_("Every write names the token of its claim. After a new claim the old token fits no row."),
        code=(
            (f"{SAGA}/saga_log.py", _("CLAIM raises the epoch, SAVE is conditional on it")),
            ("proofs/spec", _("every order of events, checked by a model")),
        ),
    ),
)
BY_SLUG = {lesson.slug: lesson for lesson in LESSONS}
