from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "ui"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ui import sign_ins  # noqa: F401  its receivers
