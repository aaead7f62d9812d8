from django.urls import path
from django_sagas.definitions import SAGAS
from service_kit import problems
from service_kit.outbox.views import OutboxView
from service_kit.urls import common, demo

from flight import demo_faults, health, people_views, saga_booking_views, saga_faults, saga_views, views
from flight.cancel import views as cancel_views
from flight.change import views as change_views
from flight.operations import views as console_views
from flight.search import urls as search_urls

urlpatterns = [
    path("api/saga/start-booking/", saga_booking_views.StartBookingView.as_view()),
    path("api/saga/reserve-seat/", saga_views.ReserveSeat.as_view()),
    path("api/saga/confirm-booking/", saga_views.ConfirmBooking.as_view()),
    path("api/saga/cancel-seat/", saga_views.CancelSeat.as_view()),
    path("api/saga/cancel-booking/", saga_views.CancelBooking.as_view()),
    path("api/saga/status/<str:correlation_id>/", console_views.StatusView.as_view()),
    path("api/saga/events/<str:correlation_id>/", console_views.EventsView.as_view()),
    path("api/saga/", console_views.ListView.as_view()),
    path("api/saga/definitions/", console_views.DefinitionsView.as_view()),
    path("api/saga/overview/", console_views.OverviewView.as_view()),
    path("api/saga/history/", console_views.HistoryView.as_view()),
    path("api/saga/settlements/", console_views.SettlementsView.as_view()),
    path("api/saga/bulk/", console_views.BulkView.as_view()),
    path("api/saga/<str:correlation_id>/export/", console_views.ExportView.as_view()),
    path("api/saga/<str:correlation_id>/retry/", console_views.RetryView.as_view()),
    path("api/saga/<str:correlation_id>/cancel/", console_views.CancelView.as_view()),
    path("api/saga/<str:correlation_id>/withdraw/", console_views.WithdrawView.as_view()),
    path("api/saga/<str:correlation_id>/authorize-again/", console_views.AuthorizeAgainView.as_view()),
    path("api/saga/<str:correlation_id>/resolve/", console_views.ResolveView.as_view()),
    path("api/bookings/<str:booking_reference>/cancel-quote/", cancel_views.CancelQuoteView.as_view()),
    path("api/bookings/<str:booking_reference>/cancel/", cancel_views.CancelBookingView.as_view()),
    path("api/bookings/<str:booking_reference>/change-quote/", change_views.ChangeQuoteView.as_view()),
    path("api/bookings/<str:booking_reference>/change/", change_views.ChangeBookingView.as_view()),
    path("api/people/<str:user_id>/", people_views.PersonDataView.as_view()),
    path("api/people/<str:user_id>/erase/", people_views.ErasePersonView.as_view()),
    path("api/bookings/find/", views.BookingFind.as_view()),
    path("api/bookings/<str:reference>/", views.BookingDetail.as_view()),
    path("api/tickets/user/<str:user_id>/", views.UserTickets.as_view()),
    path("api/tickets/user/<str:user_id>/trips/", views.UserTrips.as_view()),
    *search_urls.urlpatterns,
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
