"""Settings of mail. Without EMAIL_HOST mails are kept: in demo mode in a table, otherwise in files."""

from service_kit import settings as kit

EMAIL_HOST = kit.env.str("EMAIL_HOST", default="")
_unsent = "service_kit.outbox.backend" if kit.DEMO_MODE else "django.core.mail.backends.filebased"
EMAIL_BACKEND = f"{'django.core.mail.backends.smtp' if EMAIL_HOST else _unsent}.EmailBackend"
EMAIL_FILE_PATH = kit.DATA_DIR / "mail"
EMAIL_PORT = kit.env.int("EMAIL_PORT", default=587)
EMAIL_HOST_USER = kit.env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = kit.value_or_file("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = kit.env.bool("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = kit.env.float("EMAIL_TIMEOUT", default=5.0)
DEFAULT_FROM_EMAIL = kit.env.str("DEFAULT_FROM_EMAIL", default="Tidewing <trips@tidewing.example>")
