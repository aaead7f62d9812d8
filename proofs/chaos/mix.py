"""The load: how often each kind of client comes."""

from collections.abc import Callable

from proofs.chaos import changes, travellers
from proofs.chaos.travellers import Traveller

MIX: dict[Callable[[Traveller], None], int] = {
    travellers.plain: 26,
    travellers.family: 6,
    travellers.long_trip: 10,
    travellers.hot_return: 3,
    travellers.keyless: 6,
    travellers.accepted: 10,
    travellers.repeated: 8,
    travellers.abandoned: 7,
    travellers.hot: 6,
    travellers.declined: 4,
    travellers.wrong_price: 2,
    travellers.flagged: 6,
    travellers.cancels_saga: 4,
    travellers.silent_gateway: 1,
    changes.cancels: 8,
    changes.changes_to_dearer: 3,
    changes.changes_to_cheaper: 3,
    changes.changes_seat: 3,
    changes.changes_day: 3,
    changes.changes_twice: 3,
    changes.pays_too_late: 2,
    changes.pays_change_too_late: 3,
}
