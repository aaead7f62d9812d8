import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ui.settings")
application = get_asgi_application()

from service_kit import startup  # noqa: E402 - needs the settings

startup.announce()
