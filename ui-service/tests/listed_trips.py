"""The list of a traveller's trips, as the backend answers it."""

from django.test import Client

from tests.desk import Desk, Json, flight
from ui.models import User

OLD = flight(
    departs_local="2001-01-01T10:00:00-06:00", arrives_local="2001-01-01T12:00:00-06:00", seat_classes=[]
)


def has_trips(client: Client, desk: Desk, traveller: User, *trips: Json) -> None:
    client.force_login(traveller)
    desk.lists()
    desk.lists_trips(traveller.traveller_id, *trips)
    desk.answers(f"/api/tickets/user/{traveller.traveller_id}/", {"results": list(trips), "next": None})
