from django.apps import AppConfig


class GuardConfig(AppConfig):
    name = "django_sagas.guard"
    label = "guard"
    default_auto_field = "django.db.models.BigAutoField"
