from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django_sagas import database_errors


class SecurityConfig(AppConfig):
    name = "service_kit.security"
    label = "security"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # In every service: one place decides whether a connection is kept after an error.
        connection_created.connect(database_errors.install)
        # It needs the models.
        from service_kit.security import backups

        backups.register()
