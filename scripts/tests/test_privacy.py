"""What the privacy page says is stored, against the fields of every service's models."""

import json
import os
import subprocess

import pytest

from scripts.booking_suite import SERVERS, Config, folder, settings_of
from scripts.paths import VENV_PYTHON

FIELDS = """
import django, json
django.setup()
from django.apps import apps
from django.db import models
texts = (models.CharField, models.TextField, models.JSONField, models.GenericIPAddressField)
print(json.dumps(sorted(
    f"{model._meta.db_table}.{field.column}"
    for model in apps.get_models()
    for field in model._meta.concrete_fields
    if isinstance(field, texts)
)))
"""
STATED = """
import django, json
django.setup()
from ui.account.privacy import statement
print(json.dumps(sorted(field for each in statement() for field in each.fields)))
"""
# Texts about no person: of the timetable, of the course of sagas, of money, and ids. A new text field
# is either here or on the privacy page.
IMPERSONAL = {
    "flight_airport": "iata name city region country time_zone search_city search_words",
    "flight_flight": "flight_number aircraft",
    "flight_seat": "seat_number seat_class correlation_id state",
    "flight_booking": "reference correlation_id user_id status currency busy_with changed_by",
    "flight_ticket": "ticket_number seat_number seat_class",
    "flight_quote": "kind content",
    "flight_confirmation": "error",
    "flight_change_confirmation": "change error",
    "sagas_saga": "correlation_id name status reason attention owner subject reference steps failed_step "
    "error error_code idempotency_scope idempotency_key request_fingerprint",
    "sagas_event": "correlation_id event_id event_type",
    "sagas_recovery": "owner",
    "sagas_settlement": "correlation_id step actor reason evidence seen",
    "sagas_operator_action": "correlation_id action actor reason evidence",
    "guard_step_record": "correlation_id step state fingerprint caller",
    "guard_fault": "step kind correlation_id",
    "payment_payment": "correlation_id trip_id currency status provider provider_reference authorization_id",
    "payment_ledger": "kind authorization_id currency attempt",
    "payment_attempt": "key correlation_id step action payment state provider reference fingerprint",
    "bank_movement": "key kind hold currency text",
    "loyalty_ledger": "correlation_id trip_id kind",
    "security_audit": "kind actor action correlation_id",
    "security_ended_tokens": "user_id",
    "ui_user": "traveller_id role",
    "ui_claimed_guest": "guest_id",
    "ui_draft": "id owner_id version cabin legs",
    "ui_attempt": "owner_id key version state correlation_id booking_reference",
    "django_session": "session_key",
    "otp_totp_totpdevice": "name",
    "otp_static_staticdevice": "name",
    "django_content_type": "app_label model",
    "auth_permission": "name codename",
    "auth_group": "name",
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config.beside(tmp_path_factory.mktemp("none"))


def ask(config: Config, name: str, package: str, program: str) -> set[str]:
    done = subprocess.run(
        [str(VENV_PYTHON), "-c", program],
        cwd=folder(name),
        env=os.environ | settings_of(config, name, package),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_every_text_that_is_stored_is_on_the_privacy_page_or_about_no_person(config: Config) -> None:
    stated = ask(config, "ui", "ui", STATED)
    impersonal = {f"{table}.{name}" for table, names in IMPERSONAL.items() for name in names.split()}
    stored = set().union(*(ask(config, name, package, FIELDS) for name, package, _ in SERVERS))
    assert sorted(stored - stated - impersonal) == []
    assert sorted(stated - stored) == [] and sorted(impersonal - stored) == []
    assert sorted(stated & impersonal) == []
