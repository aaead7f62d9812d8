"""The audit trail for operators and auditors: GET /api/audit/, newest first."""

from typing import Annotated, Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django_sagas.clock import iso
from rest_framework.request import Request

from service_kit import rules, schema
from service_kit.api import ServiceView, json_response
from service_kit.inputs import Input, number, one_of, text
from service_kit.permissions import Overseers
from service_kit.security.models import AuditEntry, AuditKind

PAGE = 50
SHOWN = ("kind", "actor", "address", "action", "correlation_id", "reason", "evidence")


class AuditQuery(Input):
    kind: Annotated[str | None, *one_of(AuditKind.values)] = None
    correlation_id: Annotated[str | None, *text(rules.CORRELATION)] = None
    actor: Annotated[str | None, *text(rules.USER)] = None
    before: Annotated[int | None, *number(1, 10**18 - 1)] = None
    limit: Annotated[int, *number(1, 200)] = PAGE

    @property
    def filters(self) -> dict[str, Any]:
        return self.model_dump(include={"kind", "correlation_id", "actor"}, exclude_none=True)


class AuditView(ServiceView):
    permission_classes = [Overseers]

    @schema.reading(AuditQuery, schema.AuditTrail)
    def get(self, request: Request) -> HttpResponse:
        """Operator actions, refused access, reused ids, and alarms."""
        query = request.query_params.dict()
        asked = AuditQuery.read(query)
        entries = AuditEntry.objects.filter(**asked.filters).order_by("-id")
        if asked.before is not None:
            entries = entries.filter(id__lt=asked.before)
        found = list(entries[: asked.limit + 1])
        page = found[: asked.limit]
        more = {**query, "before": page[-1].id} if len(found) > asked.limit else None
        following = f"{request.path}?{urlencode(more)}" if more else None
        return json_response({"results": [_describe(entry) for entry in page], "next": following})


def _describe(entry: AuditEntry) -> dict[str, object]:
    described = {name: getattr(entry, name) for name in SHOWN}
    return {"id": entry.id, "created_at": iso(entry.created_at), **described}
