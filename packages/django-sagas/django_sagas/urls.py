"""The operators' API: `path("sagas/", include("django_sagas.urls"))`. SAGA_ACCESS decides who may use it."""

from django.urls import URLPattern, path

from django_sagas import views
from django_sagas.plain import plain


def _served(route: str, view: type[views.OperatorView], name: str) -> URLPattern:
    return path(route, plain(view.as_view()), name=name)


app_name = "sagas"
urlpatterns = [
    _served("", views.ListView, "list"),
    _served("definitions/", views.DefinitionsView, "definitions"),
    _served("overview/", views.OverviewView, "overview"),
    _served("history/", views.HistoryView, "history"),
    _served("settlements/", views.SettlementsView, "settlements"),
    _served("bulk/", views.BulkView, "bulk"),
    _served("<str:correlation_id>/", views.StatusView, "status"),
    _served("<str:correlation_id>/events/", views.EventsView, "events"),
    _served("<str:correlation_id>/export/", views.ExportView, "export"),
    _served("<str:correlation_id>/retry/", views.RetryView, "retry"),
    _served("<str:correlation_id>/cancel/", views.CancelView, "cancel"),
    _served("<str:correlation_id>/resolve/", views.ResolveView, "resolve"),
]
