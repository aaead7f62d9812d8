from django.apps import AppConfig


class FlightConfig(AppConfig):
    name = "flight"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from flight import saga_metrics

        saga_metrics.register()
