"""Payment's two step endpoints."""

import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Done, Refused
from drf_spectacular.utils import extend_schema
from service_kit import rules, schema
from service_kit.fields import Fields
from service_kit.problems import try_again
from service_kit.saga_steps import ActionView, Call, CompensationView

from payment import serializers, services
from payment.gateway import Decision
from payment.services import Authorize


@extend_schema(request=serializers.AuthorizeRequest, responses=schema.step(serializers.Authorized))
class AuthorizePayment(ActionView):
    """Hold the fare and the charges of a booking on the card."""

    name = step = "AuthorizePayment"

    def read(self, booking: Fields) -> Authorize:
        user_id, fare = booking.user_id(), booking.amount("flight_fare")
        usual = settings.DEFAULT_CHARGES_CENTS
        charges = booking.amount("other_charges", default=usual, may_be_zero=True)
        payment = booking.object("payment", required=not settings.DEMO_MODE)
        default = "tok_ok" if settings.DEMO_MODE else None
        token = payment.following("card_token", rules.CARD_TOKEN, default=default)
        return Authorize(user_id=user_id, flight_fare=fare, card_token=token, other_charges=charges)

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


@extend_schema(request=schema.CompensationRequest, responses=schema.step(serializers.Cancelled))
class CancelPayment(CompensationView):
    """Give an authorised amount back."""

    name, step = "CancelPayment", "AuthorizePayment"
    nothing = {"status": "CANCELLED", "message": "There was nothing to cancel."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return services.cancel_payment(correlation_id=call.correlation_id, authorized=answer, now=now)
