"""Steps that write down what they did, and fail where the saga's data say so."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django_sagas import Done, Planned, Refused, SagaState, Step, local, remote
from django_sagas.definitions import Plan

from tests.toy.models import Effect

BACK = "Undo"
"The compensation of Charge is UndoCharge."


def does(name: str) -> Plan:
    def plan(saga: SagaState, now: datetime) -> Planned:
        if saga.data.get("refused_by") == name:
            return Planned(Refused("NO", "As the data ask for."))
        return Planned(Done({"by": name}), write_effect(saga, name))

    return plan


def write_effect(saga: SagaState, name: str) -> Callable[[], object]:
    return partial(Effect.objects.create, correlation_id=saga.correlation_id, name=name)


def data_of(saga: SagaState) -> Mapping[str, Any]:
    return saga.data


def near(name: str, *, final: bool = False, **options: Any) -> Step:
    """A local step. `final`: without a compensation."""
    own: dict[str, Any] = {"run": does(name)}
    if not final:
        own |= {"undo": BACK + name, "back": does(BACK + name)}
    return local(name, **{**_refusing(options), **own, **options})


def far(name: str, *, final: bool = False, at: str = "bank", **options: Any) -> Step:
    """A remote step. `final`: without a compensation."""
    own = {} if final else {"undo": BACK + name}
    return remote(name, at=at, **{**_refusing(options), **own, "sends": data_of, **options})


def _refusing(options: Mapping[str, Any]) -> dict[str, Any]:
    return {} if options.get("retriable") else {"refusals": {"NO"}}
