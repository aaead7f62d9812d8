from django.urls import path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from ui.learn import views

urlpatterns = [
    # Its earlier address.
    path("try/", require_safe(RedirectView.as_view(pattern_name="learn")), name="demo_guide"),
    path("learn/", views.lessons, name="learn"),
    path("learn/run/", views.run, name="run_lesson"),
    path("learn/<slug:slug>/<str:correlation_id>/", views.lesson, name="lesson"),
    path("learn/<slug:slug>/<str:correlation_id>/part/", views.lesson_part, name="lesson_part"),
    path("learn/<slug:slug>/<str:correlation_id>/act/", views.lesson_act, name="lesson_act"),
]
