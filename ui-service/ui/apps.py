from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "ui"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        pass
