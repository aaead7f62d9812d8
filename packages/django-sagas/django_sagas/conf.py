"""The engine's settings: a Django setting of the same name, or the default below."""

from typing import Any

from django.conf import settings

# Seconds, unless the name says otherwise.
DEFAULTS: dict[str, Any] = {
    # Base URL by participant: {"payment": "http://payment:8000"}.
    "SAGA_PARTICIPANTS": {},
    # Dotted paths: who calls the participants, and the class of the orchestrator.
    "SAGA_CLIENT": "django_sagas.client.Participants",
    "SAGA_ORCHESTRATOR": "django_sagas.orchestrator.Orchestrator",
    # Dotted path of `headers(participant) -> dict`, such as credentials; None: none are sent.
    "SAGA_HEADERS": None,
    # Dotted path of `alarm(action, correlation_id, reason, now)`, called in the commit that raises the alarm.
    "SAGA_ALARM": None,
    # Dotted path of `trail(action, correlation_id, actor, reason, evidence, now)`, called in the commit of an
    # operator's action.
    "SAGA_TRAIL": "django_sagas.operators.keep",
    # Dotted path of `access(request, changes)`, which returns the name of a caller of the operators' views.
    "SAGA_ACCESS": "django_sagas.views.staff",
    # How answers call a saga's reference and subject.
    "SAGA_REFERENCE_FIELD": "reference",
    "SAGA_SUBJECT_FIELD": "subject",
    # Of the auditor. Dotted paths of `report(finding, now)`, called with each finding of each run; and of
    # `recorded(participant, since)`, which yields pages of what the participant recorded of our calls.
    "SAGA_FINDING": None,
    "SAGA_RECORDED": None,
    # Periodic work of recovery: [(dotted path of `work(now)`, seconds), ...].
    "SAGA_HOUSEKEEPING": (),
    # "local" polls the saga log; "procrastinate" needs PostgreSQL and runs on any number of hosts.
    "SAGA_ENGINE": "local",
    # The envelope's name for a step's data.
    "SAGA_DATA_FIELD": "data",
    # Whether a step of `guard.views` fails when a call asks for it by `simulate_failure`, for demonstrations.
    "SAGA_SIMULATE_FAILURES": False,
    "SAGA_LEASE": 10.0,
    "SAGA_CALL_TIMEOUT": 8.0,
    "SAGA_REQUEST_DEADLINE": 10.0,
    "SAGA_FORWARD_DEADLINE": 60.0,
    # First pause and longest pause of an exponential back-off with full jitter.
    "SAGA_FORWARD_BACKOFF": (0.2, 5.0),
    # Of a step that only goes forward, and whose participant says for certain that it cannot be done.
    "SAGA_FORBIDDEN_BACKOFF": (0.2, 60.0),
    "SAGA_COMPENSATION_BACKOFF": (0.5, 20.0),
    "SAGA_MAX_RETRY_AFTER": 20.0,
    # A compensation or a retriable step that takes so many attempts or so long raises an alarm.
    "SAGA_ATTENTION_ATTEMPTS": 10,
    "SAGA_ATTENTION_SECONDS": 300.0,
    "SAGA_CONFIGURATION_ALARM_ATTEMPTS": 5,
    "SAGA_UNCLAIMED_SECONDS": 30.0,
    "SAGA_CLAIMS_WITHOUT_PROGRESS": 10,
    # New sagas are refused while so many are going forward.
    "SAGA_MAX_RUNNING": 1000,
    "SAGA_RECOVERY_THREADS": 8,
    "SAGA_RECOVERY_POLL": 0.5,
    # Touched with each heartbeat of a recovery process; empty: none.
    "SAGA_HEARTBEAT_FILE": "",
    "SAGA_DISPATCH_SECONDS": 1.0,
    "SAGA_CALLS_PER_PARTICIPANT": 4,
    "SAGA_SLOT_WAIT": 1.5,
    "SAGA_BREAKER_UNKNOWNS": 20,
    "SAGA_BREAKER_PROBE_SECONDS": 1.0,
    # Retries per second while a participant's breaker is open.
    "SAGA_BREAKER_APPOINTMENTS": 50.0,
    "DATABASE_BUSY_SECONDS": 2.0,
}


class Conf:
    """`conf.SAGA_LEASE`. Read at each use, so that tests can override a setting."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(settings, name, DEFAULTS[name])
        except KeyError:
            raise AttributeError(f"there is no setting {name}") from None


conf = Conf()
