from django.urls import path
from django_sagas.definitions import SAGAS
from service_kit import problems
from service_kit.outbox.views import OutboxView
from service_kit.urls import common, demo

from flight import (
    demo_faults,
    health,
    people_views,
    saga_booking_views,
    saga_cancel_views,
    saga_change_views,
    saga_console_views,
    saga_faults,
    saga_views,
    urls_reads,
)

urlpatterns = [
    path("api/saga/start-booking/", saga_booking_views.StartBookingView.as_view()),
    path("api/saga/reserve-seat/", saga_views.ReserveSeat.as_view()),
    path("api/saga/confirm-booking/", saga_views.ConfirmBooking.as_view()),
    path("api/saga/cancel-seat/", saga_views.CancelSeat.as_view()),
    path("api/saga/cancel-booking/", saga_views.CancelBooking.as_view()),
    path("api/saga/status/<str:correlation_id>/", saga_console_views.StatusView.as_view()),
    path("api/saga/events/<str:correlation_id>/", saga_console_views.EventsView.as_view()),
    path("api/saga/", saga_console_views.ListView.as_view()),
    path("api/saga/definitions/", saga_console_views.DefinitionsView.as_view()),
    path("api/saga/overview/", saga_console_views.OverviewView.as_view()),
    path("api/saga/history/", saga_console_views.HistoryView.as_view()),
    path("api/saga/settlements/", saga_console_views.SettlementsView.as_view()),
    path("api/saga/bulk/", saga_console_views.BulkView.as_view()),
    path("api/saga/<str:correlation_id>/export/", saga_console_views.ExportView.as_view()),
    path("api/saga/<str:correlation_id>/retry/", saga_console_views.RetryView.as_view()),
    path("api/saga/<str:correlation_id>/cancel/", saga_console_views.CancelView.as_view()),
    path("api/saga/<str:correlation_id>/withdraw/", saga_console_views.WithdrawView.as_view()),
    path("api/saga/<str:correlation_id>/authorize-again/", saga_console_views.AuthorizeAgainView.as_view()),
    path("api/saga/<str:correlation_id>/resolve/", saga_console_views.ResolveView.as_view()),
    path("api/bookings/<str:booking_reference>/cancel-quote/", saga_cancel_views.CancelQuoteView.as_view()),
    path("api/bookings/<str:booking_reference>/cancel/", saga_cancel_views.CancelBookingView.as_view()),
    path("api/bookings/<str:booking_reference>/change-quote/", saga_change_views.ChangeQuoteView.as_view()),
    path("api/bookings/<str:booking_reference>/change/", saga_change_views.ChangeBookingView.as_view()),
    path("api/people/<str:user_id>/", people_views.PersonDataView.as_view()),
    path("api/people/<str:user_id>/erase/", people_views.ErasePersonView.as_view()),
    *urls_reads.urlpatterns,
    path("api/demo/outbox/", OutboxView.as_view()),
    demo(
        saga_views.ReserveSeat,
        saga_views.CancelSeat,
        saga_views.ConfirmBooking,
        saga_views.CancelBooking,
        further=[demo_faults.ORCHESTRATOR, *saga_faults.names(SAGAS.values())],
    ),
    *common(health.ready),
]

handler400, handler404, handler500 = problems.handler400, problems.handler404, problems.handler500
