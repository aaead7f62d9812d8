from django.urls import path

from tests.shop import views

urlpatterns = [
    path("api/saga/charge-card/", views.charge),
    path("api/saga/refund-card/", views.refund),
]
