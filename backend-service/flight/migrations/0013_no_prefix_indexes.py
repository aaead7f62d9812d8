"""Nobody looks for the beginning of a reference, a ticket number or a correlation id; Django makes an index for
that with every unique text on PostgreSQL, and each booking wrote into all three."""

from django.db import migrations

UNUSED = (
    "flight_booking_correlation_id_8ce1fe02_like",
    "flight_booking_reference_ebc1e848_like",
    "flight_ticket_ticket_number_17075b0e_like",
)


class Migration(migrations.Migration):
    dependencies = [("flight", "0012_confirmations_of_changes")]

    operations = [
        migrations.RunSQL(f"DROP INDEX IF EXISTS {index}", migrations.RunSQL.noop) for index in UNUSED
    ]
