from django.urls import path

from bench.baselines.textbook import views

urlpatterns = [
    path("start-booking/", views.StartBooking.as_view()),
    path("authorize-payment/", views.AuthorizePayment.as_view()),
    path("ready/", views.Ready.as_view()),
    path("award-miles/", views.AwardMiles.as_view()),
]
