"""Payment's two step endpoints."""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from drf_spectacular.utils import extend_schema
from service_kit import schema
from service_kit.problems import try_again
from service_kit.saga_steps import ActionView, Call, CompensationView

from payment import serializers, services
from payment.gateway import Decision
from payment.inputs import Authorize, AuthorizeRequest


@extend_schema(responses=schema.step(serializers.Authorized))
class AuthorizePayment(ActionView):
    """Hold the fare and the charges of a booking on the card."""

    name = step = "AuthorizePayment"
    takes = AuthorizeRequest

    def decide(self, call: Call, command: Authorize, now: datetime) -> Done | Refused:
        decision = services.ask_gateway(command)
        if decision is Decision.NO_ANSWER:
            if barrier.read(correlation_id=call.correlation_id, step=self.step) is None:
                time.sleep(settings.GATEWAY_TIMEOUT_SECONDS)  # A silent gateway; no transaction is open.
                raise try_again(Decision.NO_ANSWER.value, code="GATEWAY_TIMEOUT")
        return services.authorize_payment(
            correlation_id=call.correlation_id,
            command=command,
            decision=decision,
            authorization_id=uuid.uuid4(),
            now=now,
        )


@extend_schema(responses=schema.step(serializers.Cancelled))
class CancelPayment(CompensationView):
    """Give an authorised amount back."""

    name, step = "CancelPayment", "AuthorizePayment"
    nothing = {"status": "CANCELLED", "message": "There was nothing to cancel."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return services.cancel_payment(correlation_id=call.correlation_id, authorized=answer, now=now)
