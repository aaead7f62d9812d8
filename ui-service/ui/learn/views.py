"""The stage: lessons that are run and watched. They are run in demo mode only."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_sagas.clock import utc_now
from service_kit.rules import CORRELATION_ID

from ui.backend_client import ServiceTrouble
from ui.identity import console_actor
from ui.learn import lesson_runs
from ui.learn.lessons import BY_SLUG, LESSONS, Lesson

View = Callable[..., HttpResponse]


def demo_only(view: View) -> View:
    @wraps(view)
    def checked(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if not settings.DEMO_MODE:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def _lesson(slug: str) -> Lesson:
    if slug not in BY_SLUG:
        raise Http404
    return BY_SLUG[slug]


@require_safe
def lessons(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/learn/lessons.html", {"lessons": LESSONS})


@require_POST
@demo_only
def run(request: HttpRequest) -> HttpResponse:
    lesson = _lesson(request.POST.get("lesson", ""))
    try:
        correlation_id = lesson_runs.start(lesson, actor=console_actor(request))
    except ServiceTrouble as error:
        messages.error(request, error.detail)
        return redirect("learn")
    return redirect("lesson", slug=lesson.slug, correlation_id=correlation_id)


def _read(request: HttpRequest, slug: str, correlation_id: str) -> lesson_runs.Run:
    """404 for a saga that is no lesson's."""
    if not CORRELATION_ID.fullmatch(correlation_id):
        raise Http404
    found = lesson_runs.read(_lesson(slug), correlation_id, actor=console_actor(request), now=utc_now())
    if found.saga.user_id != lesson_runs.LEARNER.user_id:
        raise Http404
    return found


@require_safe
@demo_only
def lesson(request: HttpRequest, slug: str, correlation_id: str) -> HttpResponse:
    found = _read(request, slug, correlation_id)
    place = LESSONS.index(found.lesson)
    following = LESSONS[place + 1] if place + 1 < len(LESSONS) else None
    context = {"run": found, "lesson": found.lesson, "number": place + 1, "following": following}
    return render(request, "ui/learn/lesson.html", context)


@require_safe
@demo_only
def lesson_part(request: HttpRequest, slug: str, correlation_id: str) -> HttpResponse:
    """What is new on the stage, as a fragment."""
    found = _read(request, slug, correlation_id)
    return render(request, "ui/learn/part.html", {"run": found, "lesson": found.lesson})


@require_POST
@demo_only
def lesson_act(request: HttpRequest, slug: str, correlation_id: str) -> HttpResponse:
    """Cancel the lesson's booking, or end the process that runs it."""
    found = _read(request, slug, correlation_id)
    if found.can_act:
        try:
            lesson_runs.act(found.lesson, correlation_id, actor=console_actor(request))
        except ServiceTrouble as error:
            messages.error(request, error.detail)
    return redirect("lesson", slug=slug, correlation_id=correlation_id)
