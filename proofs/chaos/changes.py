"""What travellers do to what they have booked: cancel it, change it, let its payment expire."""

import time
from collections.abc import Mapping
from typing import Any

from proofs.chaos.desk import Answer, Body
from proofs.chaos.given import ENDED, Expired, Wish
from proofs.chaos.offers import HOT_CLASS
from proofs.chaos.travellers import DECLINED, Traveller

SETTLED_AFTER = 7.0
"Seconds after which most bookings are captured."
OTHER_CARD = (422,)
"While an authorisation with another card is under way."
OFTEN, LOOKS = 1.0, 12
"How often a traveller whose payment has expired looks what its saga says, and how many times."
SOON, TRIES_TO_EXPIRE = 0.02, 300
"How often it is looked whether a payment is authorised, and how many times."


def cancels(one: Traveller) -> None:
    """At once or when the money is taken, with or without a quote; some twice."""
    flight = one.random.choice(one.random.choice((one.offers.plenty, one.offers.soon)))
    wish = booked(one, one.wish("cancels booking", flight_id=flight))
    if not wish:
        return
    one.pause(one.random.choice((0, 0, SETTLED_AFTER)))
    for _ in range(one.random.choice((1, 1, 2))):
        cancel(one, wish, with_quote=one.random.random() < 0.7)


def changes_to_dearer(one: Traveller) -> None:
    flight = one.random.choice(one.offers.two_classes)
    if wish := booked(one, one.wish("changed", flight_id=flight)):
        change(one, wish, "change to dearer", [{"flight_id": flight, "seat_class": HOT_CLASS}])


def changes_to_cheaper(one: Traveller) -> None:
    flight = one.random.choice(one.offers.two_classes)
    if wish := booked(one, one.wish("changed", flight_id=flight, seat_class=HOT_CLASS)):
        change(one, wish, "change to cheaper", [{"flight_id": flight, "seat_class": "economy"}])


def changes_seat(one: Traveller) -> None:
    """At the same price."""
    flight = one.random.choice(one.offers.plenty)
    if wish := booked(one, one.wish("changed", flight_id=flight)):
        take_another_seat(one, wish, flight)


def changes_day(one: Traveller) -> None:
    """To another flight of a return, at whatever it costs."""
    there, back = one.random.choice(one.offers.trips[2])
    wish = booked(one, one.trip("changed", [{"flight_id": there}, {"flight_id": back}]))
    later = [flight for _, flight in one.offers.trips[2] if flight != back]
    if wish and later:
        flights = [{"flight_id": there}, {"flight_id": one.random.choice(later)}]
        change(one, wish, "change to another day", flights)


def changes_twice(one: Traveller) -> None:
    """To another class and to a seat there, and half of them cancel then what is left."""
    flight = one.random.choice(one.offers.two_classes)
    if wish := booked(one, one.wish("changed", flight_id=flight)):
        change(one, wish, "change to dearer", [{"flight_id": flight, "seat_class": HOT_CLASS}])
        take_another_seat(one, wish, flight, seat_class=HOT_CLASS)
        if one.random.random() < 0.5:
            cancel(one, wish, with_quote=True)


def pays_too_late(one: Traveller) -> None:
    """Its authorisation expires before it is captured. An operator authorises again, or cancels the trip."""
    wish = booked(one, one.wish("expired"))
    if wish and one.let_expire(wish.correlation_id):
        wait_for_operator(one, Expired(wish))


def pays_change_too_late(one: Traveller) -> None:
    """The same of a change's own payment, between the swap of the tickets and the capture."""
    flight = one.random.choice(one.offers.two_classes)
    wish = booked(one, one.wish("changed", flight_id=flight))
    if not wish:
        return
    dearer = [{"flight_id": flight, "seat_class": HOT_CLASS}]
    made = change(one, wish, "expired change", dearer, at_once=False)
    if made and made.correlation_id and expires_in_time(one, made.correlation_id):
        wait_for_operator(one, Expired(wish, made.correlation_id))


def expires_in_time(one: Traveller, payment: str) -> bool:
    """Whether it could be made to expire as soon as it was authorised, before it was captured."""
    for _ in range(TRIES_TO_EXPIRE):
        if one.let_expire(payment):
            return True
        if one.ended():
            return False
        time.sleep(SOON)
    return False


def wait_for_operator(one: Traveller, expired: Expired) -> None:
    one.given.expired.append(expired)
    for _ in range(LOOKS):
        one.pause(OFTEN)
        if one.ended() or settle_expired(one, expired):
            return


# -- what these are made of


def booked(one: Traveller, wish: Wish) -> Wish | None:
    """None unless the booking is complete."""
    wish.may_be_cancelled = True
    one.book(wish)
    return wish if wish.reference and wish.told == "COMPLETED" else None


def cancel(one: Traveller, wish: Wish, *, with_quote: bool) -> None:
    path = f"/api/bookings/{wish.reference}/cancel"
    quote = one.ask(wish, lambda: one.desk.get(f"{path}-quote/")) if with_quote else None
    if not with_quote or _is_given(quote):
        one.act(wish, f"{path}/", quote.body if quote else None)


def change(
    one: Traveller, wish: Wish, kind: str, flights: list[Body], *, at_once: bool = True
) -> Wish | None:
    """The change that was asked for; None where it could not be quoted."""
    path = f"/api/bookings/{wish.reference}/change"
    quote = one.ask(wish, lambda: one.desk.post(f"{path}-quote/", {"flights": flights}))
    if quote is None or not _is_given(quote):
        return None
    is_dearer = quote.body["difference"] > 0
    declined = is_dearer and one.random.random() < 0.15
    card = {"payment": {"card_token": DECLINED[0] if declined else "tok_ok"}} if is_dearer else {}
    body = {"quote_id": quote.body["quote_id"], **card}
    promised = _some(quote.body, "amount", "difference", "miles")
    key = str(body["quote_id"])
    made = Wish(kind, body, key, f"{path}/", promised, must_fail=declined)
    if at_once:
        one.book(made)
    else:
        one.insist(made, Prefer="respond-async")
    return made


def take_another_seat(one: Traveller, wish: Wish, flight: int, seat_class: str = "economy") -> None:
    seats = one.ask(wish, lambda: one.desk.get(f"/api/flights/{flight}/seats/"))
    if not _is_given(seats):
        return
    cabin = [seat for seat in seats.body["seats"] if seat["seat_class"] == seat_class] if seats else []
    if free := [seat["seat_number"] for seat in cabin if seat["status"] == "free"]:
        asked = {"flight_id": flight, "seat_class": seat_class, "seat_numbers": [one.random.choice(free)]}
        change(one, wish, "change of seat", [asked])


def settle_expired(one: Traveller, expired: Expired) -> bool:
    """Do something about it, once its saga asks for it. Whether nothing is left to be done."""
    wish, waiting = expired.trip, expired.change
    if not waiting:
        found = one.desk.get(f"/api/saga/status/{wish.correlation_id}/")
        waiting = str(found.body.get("settlement") or "") if found else ""
    told = one.desk.get(f"/api/saga/status/{waiting}/") if waiting else None
    if told is None or told.status != 200:
        return False
    if not told.body["actions"]:
        return bool(told.body["status"] in ENDED)
    if one.random.random() < 0.2:
        cancel(one, wish, with_quote=False)
        return False
    declined = one.random.random() < 0.2
    token = DECLINED[0] if declined else "tok_ok"
    path = f"/api/saga/{waiting}/authorize-again/"
    key = f"again{one.random.getrandbits(64):016x}"
    body = {"payment": {"card_token": token}}
    one.insist(Wish("authorize again", body, key, path, must_fail=declined, allowed=OTHER_CARD))
    return False


def _is_given(answer: Answer | None) -> bool:
    return answer is not None and answer.status == 200


def _some(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names}
