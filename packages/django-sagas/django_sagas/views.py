"""The operators' views: what `django_sagas.urls` serves, and the base of a project's own.

A project with another framework puts its view class behind these, and overrides `admit`, `visible_saga`, the
`read_...` methods and `reply`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views import View

from django_sagas import (
    answers,
    bulk,
    history,
    json_text,
    operators,
    overview,
    saga_log,
    selectors,
    settlements,
)
from django_sagas.conf import conf
from django_sagas.operators import Operator
from django_sagas.plain import read_object
from django_sagas.problems import Problem, invalid
from django_sagas.runtime import orchestrator
from django_sagas.selectors import Filters, read_cursor
from django_sagas.state import SagaState, SagaStatus
from django_sagas.wire import prefers

LONGEST_TEXT, MOST_SAGAS = 200, 200
FLAGS = {"true": True, "1": True, "false": False, "0": False}


def staff(request: HttpRequest, *, changes: bool) -> str:
    """The default of SAGA_ACCESS: users with Django's permission to view or to change sagas.

    Returns the name under which actions are recorded. Raises Problem 401 or 403.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise Problem(401, "NOT_AUTHENTICATED", "Log in first.")
    if not user.has_perm("sagas.change_sagarow" if changes else "sagas.view_sagarow"):
        raise Problem(403, "NOT_ALLOWED", "This needs a permission.")
    return str(user.get_username())


class OperatorView(View):
    """`request` is Django's, or that of the framework whose view class stands behind this one."""

    changes = False
    "Whether it changes a saga."

    def admit(self, request: Any) -> str:
        """The caller's name. Raises Problem 401 or 403."""
        name: str = import_string(conf.SAGA_ACCESS)(request, changes=self.changes)
        return name

    def visible_saga(self, request: Any, correlation_id: str) -> SagaState:
        """Raises Problem 404."""
        saga = saga_log.load(correlation_id)
        if saga is None:
            raise Problem(404, "NOT_FOUND", "There is no such saga.")
        return saga

    def reply(
        self, body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        sent = {"Cache-Control": "no-store", **(headers or {})}
        text = json_text.dumps(body)
        return HttpResponse(text, status=status, content_type="application/json", headers=sent)


class StatusView(OperatorView):
    def get(self, request: Any, correlation_id: str) -> HttpResponse:
        """The status of a saga, step by step."""
        self.admit(request)
        return self.reply(answers.status(self.visible_saga(request, correlation_id)))


class EventsView(OperatorView):
    def get(self, request: Any, correlation_id: str) -> HttpResponse:
        """A saga's events in order; with `after`, those behind that sequence number."""
        self.admit(request)
        self.visible_saga(request, correlation_id)
        after = self.read_after(request)
        return self.reply(answers.events(correlation_id, after=after, path=request.path))

    def read_after(self, request: Any) -> int:
        """Raises Problem 400."""
        return _number(request.GET, "after", 0, most=2**31 - 1)


class ExportView(OperatorView):
    def get(self, request: Any, correlation_id: str) -> HttpResponse:
        """A saga with all its events and what was settled by hand, for a support case."""
        self.admit(request)
        return self.reply(answers.export(self.visible_saga(request, correlation_id)))


class ListView(OperatorView):
    def get(self, request: Any) -> HttpResponse:
        """Sagas, newest first."""
        self.admit(request)
        page, cursor = selectors.list_sagas(self.read_filters(request))
        following = (
            f"{request.path}?{urlencode({**request.GET.dict(), 'cursor': cursor})}" if cursor else None
        )
        return self.reply({"results": [answers.summary(saga) for saga in page], "next": following})

    def read_filters(self, request: Any) -> Filters:
        """Raises Problem 400."""
        return filters_of(request.GET, subject=conf.SAGA_SUBJECT_FIELD)


class DefinitionsView(OperatorView):
    def get(self, request: Any) -> HttpResponse:
        """The sagas of this service: steps, compensations, refusals and words."""
        self.admit(request)
        return self.reply({"results": answers.definitions()})


class OverviewView(OperatorView):
    def get(self, request: Any) -> HttpResponse:
        """Numbers of all sagas; for operators and auditors."""
        self.admit(request)
        return self.reply(self.overview(orchestrator().now()))

    def overview(self, now: datetime) -> dict[str, Any]:
        return overview.overview(now)


class HistoryView(OperatorView):
    def get(self, request: Any) -> HttpResponse:
        """Sagas by the hour of the last day: started, failed, and stuck now."""
        self.admit(request)
        return self.reply({"results": history.recent(orchestrator().now())})


class SettlementsView(OperatorView):
    def get(self, request: Any) -> HttpResponse:
        """Compensations that were settled by hand and whose participants do not agree yet, oldest first."""
        self.admit(request)
        return self.reply({"results": settlements.listed()})


class ActionView(OperatorView):
    """What an operator does to a saga, with a name and a reason."""

    changes = True

    def read_operator(self, request: Any) -> Operator:
        """Raises Problem 400."""
        return Operator(self.admit(request), **_texts(read_object(request), "reason"))

    def state(self, saga: SagaState) -> HttpResponse:
        return self.reply(answers.status(saga), status=200 if saga.is_terminal else 202)


class RetryView(ActionView):
    def post(self, request: Any, correlation_id: str) -> HttpResponse:
        """Try a waiting saga again now."""
        by = self.read_operator(request)
        self.visible_saga(request, correlation_id)
        return self.state(operators.retry(correlation_id, by=by))


class CancelView(ActionView):
    def post(self, request: Any, correlation_id: str) -> HttpResponse:
        """Turn a running saga back."""
        by = self.read_operator(request)
        self.visible_saga(request, correlation_id)
        at_once = not prefers(request, "respond-async")
        saga = operators.cancel(correlation_id, by=by, at_once=at_once)
        return self.reply(*answers.cancelled(saga, location=self.location(request, correlation_id)))

    def location(self, request: Any, correlation_id: str) -> str:
        """Where the saga's status is."""
        return str(request.path).removesuffix("cancel/")


class ResolveView(ActionView):
    def post(self, request: Any, correlation_id: str) -> HttpResponse:
        """Settle a stuck compensation by hand, with evidence."""
        step, by = self.read_resolution(request)
        saga = self.visible_saga(request, correlation_id)
        steps = [step.name for step in saga.steps]
        if step not in steps:
            raise invalid({"step": "must be one of " + ", ".join(steps)})
        return self.state(operators.resolve(correlation_id, step=step, by=by))

    def read_resolution(self, request: Any) -> tuple[str, Operator]:
        """The step, who resolved it and why. Raises Problem 400."""
        actor = self.admit(request)
        texts = _texts(read_object(request), "step", "reason", "evidence")
        return texts.pop("step"), Operator(actor, **texts)


class BulkView(ActionView):
    def post(self, request: Any) -> HttpResponse:
        """Retry, cancel or settle all sagas that are stuck for one reason, a batch at a time."""
        action, stuck_for, after, by = self.read_bulk(request)
        batch = bulk.act(action, stuck_for=stuck_for, after=after, by=by)
        refused = [{"correlation_id": saga, "detail": why} for saga, why in batch.refused]
        body = {"done": batch.done, "refused": refused, "after": batch.following or None, "left": batch.left}
        return self.reply(body)

    def read_bulk(self, request: Any) -> tuple[str, str, str, Operator]:
        """Action, reason of the stuck ones, id to begin after, and who. Raises Problem 400."""
        actor, body = self.admit(request), read_object(request)
        texts = _texts(body, "action", "attention_reason", "reason")
        if texts["action"] not in bulk.ACTIONS:
            raise invalid({"action": "must be one of " + ", ".join(bulk.ACTIONS)})
        further = {name: body.get(name) or "" for name in ("after", "evidence")}
        if texts["action"] == "resolve" or further["evidence"]:
            further |= _texts(body, "evidence")
        by = Operator(actor, texts["reason"], further["evidence"])
        return texts["action"], texts["attention_reason"], str(further["after"]), by


# Inputs, where no other framework reads them


def filters_of(query: Mapping[str, str], *, subject: str) -> Filters:
    """Of a query string, which calls the sagas' subject so. Raises Problem 400 that names each bad field."""
    errors: dict[str, str] = {}
    status, flag = query.get("status"), query.get("needs_attention")
    if status not in (None, *SagaStatus.values):
        errors["status"] = "must be one of " + ", ".join(SagaStatus.values)
    if flag not in (None, *FLAGS):
        errors["needs_attention"] = "must be true or false"
    created_after, created_before = (_moment(query, f"created_{end}", errors) for end in ("after", "before"))
    if errors:
        raise invalid(errors)
    return Filters(
        status=status,
        needs_attention=FLAGS[flag] if flag else None,
        subject=query.get(subject),
        created_after=created_after,
        created_before=created_before,
        attention_reason=query.get("attention_reason", ""),
        after=read_cursor(query["cursor"]) if "cursor" in query else None,
        limit=_number(query, "limit", selectors.PAGE, fewest=1, most=MOST_SAGAS),
    )


def _moment(query: Mapping[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    if name not in query:
        return None
    try:
        # An unescaped plus arrives as a space.
        moment = datetime.fromisoformat(query[name].replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = "must be an ISO 8601 date and time"
        return None


def _number(query: Mapping[str, str], name: str, default: int, *, fewest: int = 0, most: int) -> int:
    text = query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) < 20 and fewest <= int(text) <= most:
        return int(text)
    raise invalid({name: f"must be an integer from {fewest} to {most}"})


def _texts(body: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Raises Problem 400 that names each field that is missing or no text."""
    wrong = [name for name in names if not _is_text(body.get(name))]
    if wrong:
        raise invalid(dict.fromkeys(wrong, f"must be printable text of 1 to {LONGEST_TEXT} characters"))
    return {name: body[name] for name in names}


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TEXT
        and value.isprintable()
        and not value.isspace()
    )
