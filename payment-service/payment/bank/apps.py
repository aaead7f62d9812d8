from django.apps import AppConfig


class BankConfig(AppConfig):
    name, label = "payment.bank", "bank"
    default_auto_field = "django.db.models.BigAutoField"
