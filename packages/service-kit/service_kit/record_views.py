"""A participant's step records: GET /api/saga/records/, newest first, for operators and auditors."""

import re

from django.http import HttpResponse
from django_sagas.clock import iso
from django_sagas.guard.models import StepRecord
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.fields import Fields
from service_kit.permissions import Overseers

PAGE = 200
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
SHOWN = ("id", "correlation_id", "step", "state", "caller")


class RecordsView(ServiceView):
    permission_classes = [Overseers]

    @extend_schema(
        parameters=[OpenApiParameter("before", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1})],
        responses=schema.read(schema.StepRecords),
    )
    def get(self, request: Request) -> HttpResponse:
        """Recorded calls and their callers, to notice a lost saga log."""
        query = Fields(request.query_params.dict())
        before = query.matching("before", NUMBER, "must be the id of a record", default="")
        query.check()
        records = StepRecord.objects.order_by("-id")
        if before:
            records = records.filter(id__lt=int(before))
        found = list(records[: PAGE + 1])
        page = found[:PAGE]
        following = f"{request.path}?before={page[-1].pk}" if len(found) > PAGE else None
        results = [
            {**{name: getattr(record, name) for name in SHOWN}, "created_at": iso(record.created_at)}
            for record in page
        ]
        return json_response({"results": results, "next": following})
