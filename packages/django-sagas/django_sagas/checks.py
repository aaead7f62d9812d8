"""System checks: what would fail at the first saga fails at the start."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from django_sagas.conf import conf
from django_sagas.definitions import SAGAS
from django_sagas.engines import ENGINES

PATHS = (
    "SAGA_CLIENT",
    "SAGA_ORCHESTRATOR",
    "SAGA_HEADERS",
    "SAGA_ALARM",
    "SAGA_TRAIL",
    "SAGA_ACCESS",
    "SAGA_FINDING",
    "SAGA_RECORDED",
)


@register("sagas")
def check_settings(**_: Any) -> list[CheckMessage]:
    return [*_participants(), *_engine(), *_paths()]


def _participants() -> list[CheckMessage]:
    known = conf.SAGA_PARTICIPANTS
    return [
        Error(
            f"{saga.name}: {step.name} runs at {step.participant!r}, which has no address.",
            hint=f"Add {step.participant!r} to SAGA_PARTICIPANTS.",
            id="sagas.E001",
        )
        for saga in SAGAS.values()
        for step in saga.known_steps()
        if step.participant and step.participant not in known
    ]


def _engine() -> list[CheckMessage]:
    if conf.SAGA_ENGINE in ENGINES:
        return []
    hint = f"Take one of {', '.join(sorted(ENGINES))}."
    return [Error(f"There is no SAGA_ENGINE {conf.SAGA_ENGINE!r}.", hint=hint, id="sagas.E002")]


def _paths() -> list[CheckMessage]:
    named = [(name, getattr(conf, name)) for name in PATHS]
    named += [("SAGA_HOUSEKEEPING", path) for path, _ in conf.SAGA_HOUSEKEEPING]
    return [message for name, path in named if path for message in _path(name, path)]


def _path(name: str, path: str) -> list[CheckMessage]:
    try:
        import_string(path)
    except ImportError as error:
        return [Error(f"{name} names {path!r}: {error}", hint="Give a dotted path.", id="sagas.E003")]
    return []
