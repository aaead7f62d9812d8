from django.apps import AppConfig


class GuardConfig(AppConfig):
    name = "service_kit.guard"
    label = "guard"
    default_auto_field = "django.db.models.BigAutoField"
