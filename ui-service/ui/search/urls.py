from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ui.search import fare_views, place_views, views

# A view without a form is exempt from CSRF, so that a wrong method gets 405 and not 403.
urlpatterns = [
    path("", csrf_exempt(views.search), name="search"),
    path("flights/", views.results, name="results"),
    path("flights/fares/", fare_views.fare_strip, name="fare_strip"),
    path("flights/calendar/", fare_views.fare_calendar, name="fare_calendar"),
    path("places/", place_views.places, name="places"),
    path("where/", place_views.where, name="where"),
]
