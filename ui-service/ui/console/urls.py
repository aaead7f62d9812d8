from django.urls import path

from ui.console import action_views, fault_views, people_views, views

urlpatterns = [
    path("console/", views.sagas, name="console"),
    path("console/audit/", views.audit, name="console_audit"),
    path("console/people/", people_views.people, name="console_people"),
    path("console/by-hand/", views.by_hand, name="console_by_hand"),
    path("console/group/", action_views.group, name="console_group"),
    path("console/act/", action_views.bulk, name="console_bulk"),
    path("console/<str:correlation_id>/", views.saga, name="console_saga"),
    path("console/<str:correlation_id>/part/", views.saga_part, name="console_part"),
    path("console/<str:correlation_id>/export.json", views.export, name="console_export"),
    path("console/<str:correlation_id>/act/", action_views.act, name="console_act"),
    path("faults/", fault_views.faults, name="faults"),
]
