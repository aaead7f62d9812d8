from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import Q

# A saga's facts hold the tickets in the order of their passengers.
PLACE_IN_FACTS = {
    "sqlite": """
        SELECT told.key + 1 FROM flight_booking AS booking
        JOIN sagas_saga AS saga ON saga.correlation_id = booking.correlation_id,
        json_each(saga.facts, '$.ConfirmBooking.tickets') AS told
        WHERE booking.reference = flight_ticket.booking_id
        AND json_extract(told.value, '$.ticket_number') = flight_ticket.ticket_number""",
    "postgresql": """
        SELECT told.place FROM flight_booking AS booking
        JOIN sagas_saga AS saga ON saga.correlation_id = booking.correlation_id,
        json_array_elements(saga.facts::json -> 'ConfirmBooking' -> 'tickets')
        WITH ORDINALITY AS told(ticket, place)
        WHERE booking.reference = flight_ticket.booking_id
        AND told.ticket ->> 'ticket_number' = flight_ticket.ticket_number""",
}
# The order of a direct call's passengers is not stored here: by row and letter, as tickets are shown.
PLACE_BY_SEAT = """
    SELECT COUNT(*) FROM flight_ticket AS other WHERE other.booking_id = flight_ticket.booking_id
    AND (LENGTH(other.seat_number), other.seat_number)
        <= (LENGTH(flight_ticket.seat_number), flight_ticket.seat_number)"""


def fill_tickets(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Every earlier booking is a trip of one flight."""
    place = PLACE_IN_FACTS[editor.connection.vendor]
    flight = "SELECT flight_id FROM flight_booking WHERE reference = booking_id"
    passenger = f"COALESCE(({place}), ({PLACE_BY_SEAT}))"
    editor.execute(
        f"UPDATE flight_ticket SET segment = 1, flight_id = ({flight}), passenger = {passenger}",  # noqa: S608
        params=None,
    )


def only_without_trips(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The way back is closed once a saga holds `flights`: the release before cannot read it."""
    with editor.connection.cursor() as cursor:
        cursor.execute("""SELECT COUNT(*) FROM sagas_saga WHERE data LIKE '%"flights":%'""")
        (sagas,) = cursor.fetchone()
    if sagas:
        raise IrreversibleError(f"{sagas} sagas could not be read")


SEGMENT = "the flight's place in the trip, from 1"
PASSENGER = "the passenger's place in the booking, from 1"
PROTECT = django.db.models.deletion.PROTECT
KEY: dict[str, Any] = {"to": "flight.flight", "db_index": False, "on_delete": PROTECT, "related_name": "+"}


class Migration(migrations.Migration):
    dependencies = [("flight", "0008_quotes")]

    operations = [
        migrations.AddField("ticket", "flight", models.ForeignKey(**KEY, null=True)),
        migrations.AddField(
            "ticket", "segment", models.PositiveSmallIntegerField(help_text=SEGMENT, null=True)
        ),
        migrations.AddField(
            "ticket", "passenger", models.PositiveSmallIntegerField(help_text=PASSENGER, null=True)
        ),
        migrations.RunPython(fill_tickets, only_without_trips),
        migrations.AlterField("ticket", "flight", models.ForeignKey(**KEY)),
        migrations.AlterField("ticket", "segment", models.PositiveSmallIntegerField(help_text=SEGMENT)),
        migrations.AlterField("ticket", "passenger", models.PositiveSmallIntegerField(help_text=PASSENGER)),
        migrations.AlterField(
            "ticket",
            "booking",
            models.ForeignKey("flight.booking", db_index=False, on_delete=PROTECT, related_name="tickets"),
        ),
        migrations.AlterField(
            "booking", "flight", models.ForeignKey(**KEY, help_text="the first of the trip")
        ),
        migrations.AddConstraint(
            "ticket",
            models.UniqueConstraint(
                fields=["booking", "segment", "passenger"], name="one_ticket_per_passenger_and_flight"
            ),
        ),
        migrations.AddConstraint(
            "ticket",
            models.CheckConstraint(
                condition=Q(segment__range=(1, 6), passenger__range=(1, 9)), name="ticket_has_a_place"
            ),
        ),
    ]
