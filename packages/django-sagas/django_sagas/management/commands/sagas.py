"""`manage.py sagas`: what the operators' views do, from a shell."""

import getpass
import json
import threading
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_sagas import answers, json_text, operators, saga_log, selectors
from django_sagas.clock import utc_now
from django_sagas.management.commands.sagas_check import EVERY_SAGA
from django_sagas.operators import Operator
from django_sagas.problems import Problem
from django_sagas.state import SagaState, SagaStatus
from django_sagas.unserved import find_unserved
from django_sagas.views import filters_of

POLL_SECONDS = 0.5
FILTERS = ("status", "needs_attention", "subject", "created_after", "limit")
Show = Callable[[Mapping[str, Any]], str]


class Command(BaseCommand):
    help = "Show sagas, and retry, cancel or resolve one. An action needs a reason and leaves an audit row."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        shown = CommandParser(add_help=False)
        shown.add_argument("--json", action="store_true", help="JSON, one object a line")
        many = CommandParser(add_help=False)
        many.add_argument("--status", choices=SagaStatus.values)
        many.add_argument("--needs-attention", action="store_const", const="true")
        many.add_argument("--subject", help="whose they are")
        many.add_argument("--created-after", metavar="TIME", help="ISO 8601")
        many.add_argument("--limit", default="50", help="at most 200 (default 50)")
        one = CommandParser(add_help=False)
        one.add_argument("correlation_id", metavar="ID")
        action = CommandParser(add_help=False)
        action.add_argument("--reason", required=True, help="for the audit trail")
        action.add_argument("--actor", default=getpass.getuser(), help="your name (default: the login name)")

        def add(verb: str, *parents: CommandParser, help: str) -> CommandParser:  # noqa: A002  argparse's
            return verbs.add_parser(verb, parents=[*parents, shown], help=help)

        add("list", many, help="sagas, newest first")
        add("show", one, help="one saga, step by step")
        add("follow", one, help="its events as they come, until it has ended")
        add("export", one, help="all of one saga in one object, for a support case")
        add("retry", one, action, help="try a waiting saga again now")
        add("cancel", one, action, help="turn a running saga back")
        resolve = add("resolve", one, action, help="settle a stuck compensation by hand")
        resolve.add_argument("--step", required=True)
        resolve.add_argument("--evidence", required=True)
        add("check", help="whether this release can serve every saga: sagas_check")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        given = Namespace(**options)
        try:
            getattr(self, f"_{verb}")(given)
        except Problem as problem:
            raise CommandError(f"{problem.code}: {problem.detail}") from problem

    def _list(self, given: Namespace) -> None:
        asked = {name: value for name in FILTERS if (value := getattr(given, name)) is not None}
        page, _ = selectors.list_sagas(filters_of(asked, subject="subject"))
        self._write(given, map(answers.summary, page), _line)

    def _show(self, given: Namespace) -> None:
        self._write(given, [answers.status(_load(given))], _steps)

    def _follow(self, given: Namespace) -> None:
        _load(given)
        wait = partial(threading.Event().wait, POLL_SECONDS)
        self._write(given, selectors.follow(given.correlation_id, wait), _event)

    def _export(self, given: Namespace) -> None:
        exported = answers.export(_load(given))
        self._write(given, [exported], lambda body: json.dumps(json.loads(json_text.dumps(body)), indent=2))

    def _retry(self, given: Namespace) -> None:
        _load(given)
        self._acted(given, operators.retry(given.correlation_id, by=_operator(given)))

    def _cancel(self, given: Namespace) -> None:
        _load(given)
        self._acted(given, operators.cancel(given.correlation_id, by=_operator(given)))

    def _resolve(self, given: Namespace) -> None:
        steps = [step.name for step in _load(given).steps]
        if given.step not in steps:
            raise CommandError(f"--step must be one of {', '.join(steps)}")
        by = _operator(given, evidence=given.evidence)
        self._acted(given, operators.resolve(given.correlation_id, step=given.step, by=by))

    def _check(self, given: Namespace) -> None:
        if not given.json:
            call_command("sagas_check", stdout=self.stdout)
            return
        unserved = find_unserved(now=utc_now(), newest=EVERY_SAGA)
        self._write(given, [{"can_serve": not unserved, "reason": str(unserved) if unserved else None}], str)
        if unserved:
            raise SystemExit(1)

    def _acted(self, given: Namespace, saga: SagaState) -> None:
        self._write(given, [answers.status(saga)], _steps)

    def _write(self, given: Namespace, bodies: Iterable[Mapping[str, Any]], show: Show) -> None:
        for body in bodies:
            self.stdout.write(json_text.dumps(body) if given.json else show(body))


def _load(given: Namespace) -> SagaState:
    saga = saga_log.load(given.correlation_id)
    if saga is None:
        raise CommandError(f"There is no saga {given.correlation_id}.")
    return saga


def _operator(given: Namespace, evidence: str = "") -> Operator:
    for name, text in (("reason", given.reason), ("actor", given.actor)):
        if not text.strip():
            raise CommandError(f"--{name} must not be empty")
    return Operator(given.actor, given.reason, evidence)


def _line(saga: Mapping[str, Any]) -> str:
    attention = f"  ! {saga['attention_reason']}" if saga["needs_attention"] else ""
    return (
        f"{saga['correlation_id']}  {saga['definition']}  {saga['status']}  {saga['created_at']}{attention}"
    )


def _steps(saga: Mapping[str, Any]) -> str:
    rows = [f"  {step['name']:<32} {step['status']:<9} {step['error'] or ''}" for step in saga["steps"]]
    return "\n".join([_line(saga), *(row.rstrip() for row in rows)])


def _event(event: Mapping[str, Any]) -> str:
    about = " ".join(f"{name}={value}" for name, value in event["data"].items() if value not in (None, ""))
    return f"{event['sequence']:>4}  {event['timestamp']}  {event['event_type']}  {about}".rstrip()
