"""Settings of the payment service; every value that differs between machines comes from the environment."""

from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured
from service_kit import environment as env
from service_kit import logs
from service_kit import settings as kit
from service_kit.limits import api_limits

SERVICE_NAME = "payment"
DEMO_MODE = kit.DEMO_MODE
SECRET_KEY = kit.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = kit.secret_key_fallbacks()
SIGNING_KEY, VERIFYING_KEYS = kit.service_keys(SERVICE_NAME)
DEBUG = False
ALLOWED_HOSTS = kit.allowed_hosts()
TRUSTED_PROXIES = kit.TRUSTED_PROXIES
LIMITS = api_limits()

INSTALLED_APPS = kit.api_apps("payment", "payment.bank")
MIDDLEWARE = kit.API_MIDDLEWARE
SILENCED_SYSTEM_CHECKS = kit.API_SILENCED_CHECKS
ROOT_URLCONF = "payment.urls"
WSGI_APPLICATION = "payment.wsgi.application"
TEMPLATES = kit.TEMPLATES

DATABASES = kit.databases(SERVICE_NAME)
DATABASE_BUSY_SECONDS = kit.DATABASE_BUSY_SECONDS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = kit.rest_framework()
SPECTACULAR_SETTINGS = kit.spectacular("Payment service", PaymentStatusEnum="payment.models.PaymentStatus")
LOGGING = logs.configure(SERVICE_NAME)

# The provider that cards are charged by. No default outside demo mode: the simulated one takes no money.
PAYMENT_GATEWAY = kit.named("PAYMENT_GATEWAY", ("simulated", "stripe"), what="the payment gateway")
STRIPE_SECRET_KEY = kit.secret("STRIPE_SECRET_KEY") if PAYMENT_GATEWAY == "stripe" else ""
STRIPE_API_BASE = env.address("STRIPE_API_BASE", default="https://api.stripe.com")
# Seconds that a call to Stripe may take, at most; less than a step's caller waits.
STRIPE_TIMEOUT_SECONDS = env.seconds("STRIPE_TIMEOUT_SECONDS", default=5.0, above=0)
if PAYMENT_GATEWAY == "stripe" and find_spec("stripe") is None:
    raise ImproperlyConfigured("PAYMENT_GATEWAY=stripe needs what requirements/stripe.txt pins.")
# Seconds that a call to the simulated provider takes when it never answers.
GATEWAY_TIMEOUT_SECONDS = env.seconds("GATEWAY_TIMEOUT_SECONDS", default=2.0)
# Charges of a direct call without other_charges, added to the fare. Part of the wire contract and of
# stored fingerprints, so not from the environment.
DEFAULT_CHARGES_CENTS = 5000
# Days until an authorisation that was not captured is void; also what the simulated bank goes by.
AUTHORIZATION_DAYS = env.whole("AUTHORIZATION_DAYS", default=7, least=1)
