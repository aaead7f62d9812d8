from django.apps import AppConfig
from django.conf import settings


class FlightConfig(AppConfig):
    name = "flight"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from flight.operations import metrics

        metrics.register()
        if settings.TRACES:
            from flight.operations import traces

            traces.subscribe()
