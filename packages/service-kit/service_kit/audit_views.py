"""The audit trail for operators and auditors: GET /api/audit/, newest first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django_sagas.clock import iso
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.fields import Fields
from service_kit.permissions import Overseers
from service_kit.rules import CORRELATION_ID, USER_ID
from service_kit.security.models import AuditEntry, AuditKind

PAGE = 50
LIMIT = re.compile(r"[1-9][0-9]?|1[0-9]{2}|200")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
SHOWN = ("kind", "actor", "address", "action", "correlation_id", "reason", "evidence")


def _parameter(name: str, **kind: object) -> OpenApiParameter:
    return OpenApiParameter(name, kind)


@dataclass(frozen=True)
class Asked:
    filters: dict[str, str]
    before: int | None
    limit: int


class AuditView(ServiceView):
    permission_classes = [Overseers]

    @extend_schema(
        parameters=[
            _parameter("kind", type="string", enum=AuditKind.values),
            _parameter("correlation_id", type="string", pattern=f"^{CORRELATION_ID.pattern}$"),
            _parameter("actor", type="string", pattern=f"^{USER_ID.pattern}$"),
            _parameter("before", type="integer", minimum=1, maximum=10**18 - 1),
            _parameter("limit", type="integer", minimum=1, maximum=200, default=PAGE),
        ],
        responses=schema.read(schema.AuditTrail),
    )
    def get(self, request: Request) -> HttpResponse:
        """Operator actions, refused access, reused ids, and alarms."""
        query = request.query_params.dict()
        asked = _read(query)
        entries = AuditEntry.objects.filter(**asked.filters).order_by("-id")
        if asked.before is not None:
            entries = entries.filter(id__lt=asked.before)
        found = list(entries[: asked.limit + 1])
        page = found[: asked.limit]
        more = {**query, "before": page[-1].id} if len(found) > asked.limit else None
        following = f"{request.path}?{urlencode(more)}" if more else None
        return json_response({"results": [_describe(entry) for entry in page], "next": following})


def _read(query: Mapping[str, str]) -> Asked:
    fields = Fields(query)
    filters = {
        "kind": fields.choice("kind", AuditKind.values, default=""),
        "correlation_id": fields.matching("correlation_id", CORRELATION_ID, "is none", default=""),
        "actor": fields.matching("actor", USER_ID, "is not a user id", default=""),
    }
    before = fields.matching("before", NUMBER, "must be the id of an entry", default="")
    limit = fields.matching("limit", LIMIT, "must be a number from 1 to 200", default=str(PAGE))
    fields.check()
    wanted = {name: value for name, value in filters.items() if value}
    return Asked(wanted, int(before) if before else None, int(limit))


def _describe(entry: AuditEntry) -> dict[str, object]:
    described = {name: getattr(entry, name) for name in SHOWN}
    return {"id": entry.id, "created_at": iso(entry.created_at), **described}
