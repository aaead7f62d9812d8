"""A participant's step records: GET /api/saga/records/, newest first, for operators and auditors."""

from typing import Annotated

from django.http import HttpResponse
from django_sagas.clock import iso
from django_sagas.guard.models import StepRecord
from rest_framework.request import Request

from service_kit import rules, schema
from service_kit.api import ServiceView, json_response
from service_kit.inputs import Input, number, text
from service_kit.permissions import Overseers

PAGE = 200
SHOWN = ("id", "correlation_id", "step", "state", "caller")


class RecordsQuery(Input):
    before: Annotated[int | None, *number(1, 10**18 - 1)] = None
    correlation_id: Annotated[str | None, *text(rules.CORRELATION)] = None


class RecordsView(ServiceView):
    permission_classes = [Overseers]

    @schema.reading(RecordsQuery, schema.StepRecords)
    def get(self, request: Request) -> HttpResponse:
        """Recorded calls and their callers, to notice a lost saga log; with `correlation_id` those of one."""
        asked = RecordsQuery.read(request.query_params.dict())
        records = StepRecord.objects.order_by("-id")
        if asked.correlation_id:  # It has a few, which are one page.
            records = records.filter(correlation_id=asked.correlation_id)
        if asked.before:
            records = records.filter(id__lt=asked.before)
        found = list(records[: PAGE + 1])
        page = found[:PAGE]
        following = f"{request.path}?before={page[-1].pk}" if len(found) > PAGE else None
        results = [
            {**{name: getattr(record, name) for name in SHOWN}, "created_at": iso(record.created_at)}
            for record in page
        ]
        return json_response({"results": results, "next": following})
