from django.urls import path
from service_kit import problems
from service_kit.record_views import RecordsView
from service_kit.urls import common, demo

from hotel import saga_views

urlpatterns = [
    path("api/saga/reserve-room/", saga_views.ReserveRoom.as_view()),
    path("api/saga/cancel-room/", saga_views.CancelRoom.as_view()),
    path("api/saga/records/", RecordsView.as_view()),
    demo(saga_views.ReserveRoom, saga_views.CancelRoom),
    *common(),
]

handler400, handler404, handler500 = problems.handler400, problems.handler404, problems.handler500
