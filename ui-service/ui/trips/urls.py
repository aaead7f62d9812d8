from django.urls import path

from ui.trips import change_views, views

urlpatterns = [
    path("trips/", views.trips, name="trips"),
    path("trips/find/", views.find, name="find_trip"),
    path("trips/<slug:reference>/", views.trip, name="trip"),
    path("trips/<slug:reference>/ticket/", views.ticket_page, name="ticket"),
    path("trips/<slug:reference>/ticket.pdf", views.ticket_pdf, name="ticket_pdf"),
    path("trips/<slug:reference>/calendar.ics", views.calendar_file, name="calendar"),
    path("trips/<slug:reference>/cancel/", views.cancel, name="cancel_trip"),
    path("trips/<slug:reference>/change/", change_views.change, name="change_trip"),
    path("trips/<slug:reference>/change/confirm/", change_views.confirm, name="confirm_change"),
    path("miles/", views.loyalty, name="loyalty"),
]
