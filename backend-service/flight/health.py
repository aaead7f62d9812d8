"""The backend's readiness: its database decides; recovery and the participants are only reported."""

from django.http import HttpRequest, HttpResponse
from django_sagas.clock import iso_or_none
from django_sagas.recovery import last_beat
from django_sagas.runtime import orchestrator
from service_kit import health


def ready(request: HttpRequest) -> HttpResponse:
    if health.database_state() != "ok":
        return health.readiness()
    beat = last_beat(orchestrator().now())
    breakers = orchestrator().participants.breakers.items()
    participants = {name: "not answering" if breaker.is_open else "ok" for name, breaker in breakers}
    return health.readiness(recovery_heartbeat=iso_or_none(beat), participants=participants)
