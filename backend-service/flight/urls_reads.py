from django.urls import path

from flight import views

urlpatterns = [
    path("api/places/search/", views.PlaceSearch.as_view()),
    path("api/places/destinations/", views.Destinations.as_view()),
    path("api/flights/search/", views.FlightSearch.as_view()),
    path("api/flights/fares/", views.FareSearch.as_view()),
    path("api/flights/lowest/", views.LowestFares.as_view()),
    path("api/flights/<int:flight_id>/", views.FlightDetail.as_view()),
    path("api/flights/<int:flight_id>/seats/", views.FlightSeats.as_view()),
    path("api/bookings/find/", views.BookingFind.as_view()),
    path("api/bookings/<str:reference>/", views.BookingDetail.as_view()),
    path("api/tickets/user/<str:user_id>/", views.UserTickets.as_view()),
    path("api/tickets/user/<str:user_id>/trips/", views.UserTrips.as_view()),
]
