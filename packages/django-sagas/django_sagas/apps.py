from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SagasConfig(AppConfig):
    """Finds the definitions: a module `sagas` in any installed app."""

    name = "django_sagas"
    label = "sagas"
    verbose_name = "Sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_sagas import checks, definitions, publisher  # noqa: F401  the checks register themselves

        autodiscover_modules("sagas")
        publisher.count_from_zero(definitions.step_names())
