from django.urls import path
from service_kit import problems
from service_kit.urls import common, demo

from tests.participant import views

urlpatterns = [
    path("api/saga/add-entry/", views.AddEntry.as_view()),
    path("api/saga/remove-entry/", views.RemoveEntry.as_view()),
    path("api/fail/<str:name>/", views.Fail.as_view()),
    path("plain/<str:name>/", views.fail_outside_rest_framework),
    path("api/echo/", views.Echo.as_view()),
    path("api/who/", views.WhoAmI.as_view()),
    demo(views.AddEntry, views.RemoveEntry),
    *common(),
]

handler400, handler404, handler500 = problems.handler400, problems.handler404, problems.handler500
