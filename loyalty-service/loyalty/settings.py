"""Settings of the loyalty service; every value that differs between machines comes from the environment."""

from service_kit import logs
from service_kit import settings as kit
from service_kit.limits import api_limits

SERVICE_NAME = "loyalty"
DEMO_MODE = kit.DEMO_MODE
SECRET_KEY = kit.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = kit.secret_key_fallbacks()
SIGNING_KEY, VERIFYING_KEYS = kit.service_keys(SERVICE_NAME)
DEBUG = False
ALLOWED_HOSTS = kit.allowed_hosts()
TRUSTED_PROXIES = kit.TRUSTED_PROXIES
LIMITS = api_limits()

INSTALLED_APPS = kit.api_apps("loyalty")
MIDDLEWARE = kit.API_MIDDLEWARE
SILENCED_SYSTEM_CHECKS = kit.API_SILENCED_CHECKS
ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"
TEMPLATES = kit.TEMPLATES

DATABASES = kit.databases(SERVICE_NAME)
DATABASE_BUSY_SECONDS = kit.DATABASE_BUSY_SECONDS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = kit.rest_framework()
SPECTACULAR_SETTINGS = kit.spectacular("Loyalty service")
LOGGING = logs.configure(SERVICE_NAME)
