from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SagasConfig(AppConfig):
    """Finds the definitions: a module `sagas` in any installed app."""

    name = "django_sagas"
    label = "sagas"
    verbose_name = "Sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_sagas import checks  # noqa: F401  registers them

        autodiscover_modules("sagas")
