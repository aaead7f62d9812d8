import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payment.settings")
application = get_wsgi_application()

from service_kit import startup  # noqa: E402 - needs the settings

from payment import providers  # noqa: E402 - needs the settings

startup.announce()
providers.announce()
