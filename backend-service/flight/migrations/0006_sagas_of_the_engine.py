from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError

KEPT = (
    "correlation_id, status, reason, attention, epoch, owner, due_at, claims, last_sequence, facts, result,"
    " failed_step, error, error_code, idempotency_scope, idempotency_key, request_fingerprint, finished_at"
)
DATA = {
    "sqlite": "json_object('flight_id', flight_id, 'request', json(request),"
    " 'flight_fare', flight_fare, 'charges', charges)",
    "postgresql": "json_build_object('flight_id', flight_id, 'request', request::json,"
    " 'flight_fare', flight_fare, 'charges', charges)::text",
}
SECRETS = {
    "sqlite": "json_object('card_token', card_token)",
    "postgresql": "json_build_object('card_token', card_token)::text",
}
# What rows do not say that were written before each step was stored with its participant and kind.
EARLIER_STEPS = {
    "ReserveSeat": ("", "compensatable"),
    "AuthorizePayment": ("payment", "compensatable"),
    "AwardMiles": ("loyalty", "compensatable"),
    "ConfirmBooking": ("", "pivot"),
}


def steps() -> str:
    """The column `steps` with the names of today. Its JSON is compact, and quotes in its texts are escaped."""
    local = """REPLACE(steps, '"participant":"backend"', '"participant":""')"""
    earlier = "steps"
    for name, (participant, kind) in EARLIER_STEPS.items():
        found = f'"name":"{name}"'
        earlier = f"""REPLACE({earlier}, '{found}', '{found},"participant":"{participant}","kind":"{kind}"')"""
    return f"""CASE WHEN steps LIKE '%"participant":%' THEN {local} ELSE {earlier} END"""


def move_sagas(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Every saga goes on where it stands: in the same transaction, by statements of the database alone."""
    vendor = editor.connection.vendor
    kept = ", ".join(f"saga.{column.strip()}" for column in KEPT.split(","))
    editor.execute(
        f"INSERT INTO sagas_saga ({KEPT}, name, version, subject, reference, created_at, reversible_until,"
        f" data, secrets, steps)"
        f" SELECT {kept}, 'book-trip', definition, user_id, booking_reference, created_at, departs_at,"
        f" {DATA[vendor]}, CASE WHEN card_token = '' THEN '' ELSE {SECRETS[vendor]} END, {steps()}"
        f" FROM flight_saga AS saga LEFT JOIN flight_flight ON flight_flight.id = saga.flight_id",
        params=None,
    )
    for before, after, columns in (
        ("saga_event", "event", "correlation_id, sequence, event_id, event_type, data, timestamp"),
        ("manual_settlement", "settlement", "correlation_id, step, settled_at, agreed_at, seen"),
        ("audit_run", "audit_run", "began_at, ended_at, since, checked, drifted, unverified"),
    ):
        editor.execute(f"INSERT INTO sagas_{after} ({columns}) SELECT {columns} FROM flight_{before}")


def only_without_sagas(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back is closed once there are sagas: the tables of before could not hold them all."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM sagas_saga")
        (sagas,) = cursor.fetchone()
    if sagas:
        raise IrreversibleError(f"{sagas} sagas would be lost")


class Migration(migrations.Migration):
    dependencies = [("flight", "0005_manual_settlement"), ("sagas", "0001_initial")]

    operations = [
        migrations.RunPython(move_sagas, only_without_sagas),
        migrations.DeleteModel(name="AuditRun"),
        migrations.DeleteModel(name="ManualSettlement"),
        migrations.DeleteModel(name="RecoveryHeartbeat"),
        migrations.DeleteModel(name="Saga"),
        migrations.DeleteModel(name="SagaEventRow"),
    ]
