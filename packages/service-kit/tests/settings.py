"""The smallest service that the kit can be tested in."""

from service_kit import logs
from service_kit import settings as kit
from service_kit.limits import api_limits

SERVICE_NAME = "kit"
EMAIL_FILE_PATH = kit.DATA_DIR / "mail"
DEMO_MODE = True
SECRET_KEY = "of these tests only"
SIGNING_KEY, VERIFYING_KEYS = kit.service_keys(SERVICE_NAME)
ALLOWED_HOSTS = kit.allowed_hosts()
TRUSTED_PROXIES = kit.TRUSTED_PROXIES
LIMITS = api_limits()

INSTALLED_APPS = kit.api_apps("tests.participant", "service_kit.outbox")
MIDDLEWARE = kit.API_MIDDLEWARE
ROOT_URLCONF = "tests.participant.urls"
TEMPLATES = kit.TEMPLATES

DATABASES = kit.databases(SERVICE_NAME)
DATABASE_BUSY_SECONDS = kit.DATABASE_BUSY_SECONDS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
REST_FRAMEWORK = kit.rest_framework()
SPECTACULAR_SETTINGS = kit.spectacular("Kit")
LOGGING = logs.configure(SERVICE_NAME)
