from django.apps import AppConfig
from django.conf import settings


class FlightConfig(AppConfig):
    name = "flight"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from flight import saga_metrics

        saga_metrics.register()
        if settings.TRACES:
            from flight import saga_traces

            saga_traces.subscribe()
