from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ui.booking import pay_views, progress_views, stream_views, views

# A view without a form is exempt from CSRF, so that a wrong method gets 405 and not 403.
urlpatterns = [
    path("book/seats/", views.seats, name="seats"),
    path("book/passengers/", views.passengers, name="passengers"),
    path("book/<slug:draft>/pay/", pay_views.pay, name="pay"),
    path("progress/<str:correlation_id>/", progress_views.progress, name="progress"),
    path("progress/<str:correlation_id>/part/", progress_views.progress_part, name="progress_part"),
    path("progress/<str:correlation_id>/stop/", progress_views.stop, name="stop_booking"),
    path("api/saga/stream/<str:correlation_id>/", csrf_exempt(stream_views.saga_stream), name="saga_stream"),
]
