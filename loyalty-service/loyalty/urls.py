from django.urls import path
from service_kit import problems
from service_kit.record_views import RecordsView
from service_kit.urls import common, demo

from loyalty import saga_views, views

urlpatterns = [
    path("api/saga/award-miles/", saga_views.AwardMiles.as_view()),
    path("api/saga/reverse-miles/", saga_views.ReverseMiles.as_view()),
    path("api/saga/adjust-miles/", saga_views.AdjustMiles.as_view()),
    path("api/loyalty/<str:user_id>/", views.LoyaltyView.as_view()),
    path("api/saga/records/", RecordsView.as_view()),
    demo(saga_views.AwardMiles, saga_views.ReverseMiles, saga_views.AdjustMiles),
    *common(),
]

handler400, handler404, handler500 = problems.handler400, problems.handler404, problems.handler500
