import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flight.settings")
application = get_wsgi_application()

from django_sagas import unserved  # noqa: E402
from django_sagas.clock import utc_now  # noqa: E402
from service_kit import startup  # noqa: E402 - needs the settings

startup.announce()
unserved.refuse_to_start(now=utc_now())
