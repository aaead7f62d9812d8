from django.urls import path

from flight.search import views

urlpatterns = [
    path("api/places/search/", views.PlaceSearch.as_view()),
    path("api/places/destinations/", views.Destinations.as_view()),
    path("api/flights/search/", views.FlightSearch.as_view()),
    path("api/flights/fares/", views.FareSearch.as_view()),
    path("api/flights/lowest/", views.LowestFares.as_view()),
    path("api/flights/<int:flight_id>/", views.FlightDetail.as_view()),
    path("api/flights/<int:flight_id>/seats/", views.FlightSeats.as_view()),
]
