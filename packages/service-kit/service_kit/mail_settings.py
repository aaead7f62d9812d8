"""Settings of mail. Without EMAIL_HOST mails are kept: in demo mode in a table, otherwise in files."""

from django.core.exceptions import ImproperlyConfigured

from service_kit import environment as env
from service_kit import settings as kit

EMAIL_HOST = env.text("EMAIL_HOST")
_unsent = "service_kit.outbox.backend" if kit.DEMO_MODE else "django.core.mail.backends.filebased"
EMAIL_BACKEND = f"{'django.core.mail.backends.smtp' if EMAIL_HOST else _unsent}.EmailBackend"
EMAIL_FILE_PATH = kit.DATA_DIR / "mail"
# TLS from the first byte (usually at port 465), or by STARTTLS (at 587).
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", default=False)
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=not EMAIL_USE_SSL)
if EMAIL_USE_SSL and EMAIL_USE_TLS:
    raise ImproperlyConfigured(
        "A mail server takes TLS from the first byte (EMAIL_USE_SSL) or by STARTTLS (EMAIL_USE_TLS): set one."
    )
EMAIL_PORT = env.whole("EMAIL_PORT", default=465 if EMAIL_USE_SSL else 587, most=env.ANY_PORT)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text_or_file("EMAIL_HOST_PASSWORD")
EMAIL_TIMEOUT = env.seconds("EMAIL_TIMEOUT", default=5.0, above=0)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default="Tidewing <trips@tidewing.example>")
