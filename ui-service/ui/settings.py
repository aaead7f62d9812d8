"""Settings of the UI service; every value that differs between machines comes from the environment."""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.contrib.messages import constants as levels
from service_kit import environment as env
from service_kit import logs
from service_kit import settings as kit
from service_kit.limits import Limit, limits
from service_kit.mail_settings import (  # noqa: F401  Django's names
    DEFAULT_FROM_EMAIL,
    EMAIL_BACKEND,
    EMAIL_FILE_PATH,
    EMAIL_HOST,
    EMAIL_HOST_PASSWORD,
    EMAIL_HOST_USER,
    EMAIL_PORT,
    EMAIL_TIMEOUT,
    EMAIL_USE_SSL,
    EMAIL_USE_TLS,
)

SERVICE_NAME = "ui"
BRAND = "Tidewing"
DEMO_MODE = kit.DEMO_MODE
SECRET_KEY = kit.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = kit.secret_key_fallbacks()
SIGNING_KEY, VERIFYING_KEYS = kit.service_keys(SERVICE_NAME)
DEBUG = False
ALLOWED_HOSTS = kit.allowed_hosts()
TRUSTED_PROXIES = kit.TRUSTED_PROXIES
TRACES = kit.TRACES
LIMITS = limits(
    logins=Limit(10, 100, seconds=300),
    finds=Limit(20, 30, seconds=300),  # Per reference, and per address.
    registrations=Limit(0, 20, seconds=3600),
    resets=Limit(3, 20, seconds=3600),  # Per mail address, and per address.
    starts=Limit(20, 300),
    polls=Limit(600, 6000),
    reads=Limit(300, 3000),
    refusals=Limit(0, 60),
)

BACKEND_URL = env.address("BACKEND_URL", default="http://127.0.0.1:8001")
LOYALTY_URL = env.address("LOYALTY_URL", default="http://127.0.0.1:8002")
PAYMENT_URL = env.address("PAYMENT_URL", default="http://127.0.0.1:8003")
# Of participants that only a saga's definition names.
FURTHER_URLS = kit.participants()
# Time-outs of all calls of a page together, and of optional ones.
PAGE_SECONDS = env.seconds("PAGE_SECONDS", default=8.0, above=0)
OPTIONAL_SECONDS = env.seconds("OPTIONAL_SECONDS", default=1.0, above=0)
# A booking that is made within this time leads to its trip at once, not by the page of its progress.
AT_ONCE_SECONDS = env.seconds("AT_ONCE_SECONDS", default=0.8)
# Life of a draft after its last change.
DRAFT_DAYS = env.whole("DRAFT_DAYS", default=14, least=1)

# Where the operators' docs/runbooks.md is published.
RUNBOOKS_URL = env.text("RUNBOOKS_URL")
# What the daily `manage.py sweep` deletes here.
SWEEPS = ["ui.account.people.sweep"]
# The backend's, for the privacy page.
RETAIN_FAILED_DAYS = env.whole("RETAIN_FAILED_DAYS", default=30)
RETAIN_GUEST_DAYS = env.whole("RETAIN_GUEST_DAYS", default=365)

INSTALLED_APPS = [
    "ui.apps.UiConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "service_kit.security",
    "service_kit.outbox",
]
MIDDLEWARE = [
    "service_kit.middleware.RequestMiddleware",
    "ui.middleware.DeadlineMiddleware",
    *kit.TRACE_MIDDLEWARE,
    "django.middleware.security.SecurityMiddleware",
    # Pages hold nothing secret beside what a caller can choose but forms' tokens, which Django masks anew in
    # each answer; and it adds a random length (BREACH). Events are sent after Django's part, uncompressed.
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "ui.middleware.StaticMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ui.middleware.PrivateMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ui.middleware.SessionEndMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ui.middleware.LimitMiddleware",
    "ui.middleware.TroubleMiddleware",
]
ROOT_URLCONF = "ui.urls"
ASGI_APPLICATION = "ui.asgi.application"
WSGI_APPLICATION = "ui.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ui.context.site",
            ],
            "builtins": ["django.templatetags.i18n", "ui.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "ui.forms.Renderer"

# Persistent connections have no effect under the asgi worker.
DATABASES = kit.databases(SERVICE_NAME, keep_open=False)
DATABASE_BUSY_SECONDS = kit.DATABASE_BUSY_SECONDS
READ_SECONDS = env.seconds("READ_SECONDS", default=10.0, above=0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# Every text of a page can be translated; so far there is only English.
USE_I18N = True
LANGUAGES = [("en", "English")]

AUTH_USER_MODEL = "ui.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
MIN_PASSWORD_LENGTH = 10
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_LENGTH},
    }
]
AUTH_PASSWORD_VALIDATORS += [
    {"NAME": name}
    for name in (
        "ui.account.passwords.AboutTheUserValidator",
        "ui.account.passwords.LeakedPasswordValidator",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
        "django.contrib.auth.password_validation.NumericPasswordValidator",
        "ui.account.passwords.SiteWordsValidator",
    )
]
# Whether operators and auditors need a second factor; every account can have one.
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", default=not DEMO_MODE)
OTP_TOTP_ISSUER = BRAND
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "trips"
LOGOUT_REDIRECT_URL = "search"

MESSAGE_STORAGE = "ui.cookies.MessageStorage"
# CSS classes of the style sheet.
MESSAGE_TAGS = {levels.SUCCESS: "good", levels.WARNING: "warn", levels.ERROR: "bad"}

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
# For URLs without a version; `ui.assets` makes those with one immutable.
WHITENOISE_MAX_AGE = 60
FONTS_DIR = Path(__file__).resolve().parent / "fonts"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Pico's select and checkbox marks are data: images.
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Browsers take a cookie of that name from this host only, with TLS: a subdomain cannot set one.
COOKIE_PREFIX = "" if DEMO_MODE else "__Host-"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}ui_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
# A session ends so long after its last request, and at the latest so long after its login; staff's, who see
# everybody's trips, sooner.
SESSION_COOKIE_AGE = env.whole("SESSION_IDLE_SECONDS", default=14 * 24 * 3600, least=1)
SESSION_MAX_SECONDS = env.whole("SESSION_MAX_SECONDS", default=30 * 24 * 3600, least=1)
STAFF_IDLE_SECONDS = env.whole("STAFF_IDLE_SECONDS", default=1800, least=1)
STAFF_MAX_SECONDS = env.whole("STAFF_MAX_SECONDS", default=12 * 3600, least=1)
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO_MODE
CSRF_FAILURE_VIEW = "ui.error_views.csrf_failed"
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=not DEMO_MODE)
SECURE_REDIRECT_EXEMPT = [r"^api/health/", r"^metrics$"]
SECURE_HSTS_SECONDS = env.whole("SECURE_HSTS_SECONDS", default=0 if DEMO_MODE else 31_536_000)
# Both affect other host names, preload permanently: the owner of the domain decides.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if env.flag("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
LOGGING = logs.configure(SERVICE_NAME)
