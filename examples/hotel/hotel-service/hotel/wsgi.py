import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hotel.settings")
application = get_wsgi_application()

from service_kit import startup  # noqa: E402 - needs the settings

startup.announce()
