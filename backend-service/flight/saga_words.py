"""What travellers are told of each step of a booking."""

from django_sagas import Words


def about(what: str, verb: str, working: str, done: str, *, icon: str) -> Words:
    """Of something that a step takes for the traveller: about("room", "Reserve", "Reserving", "reserved")."""
    return Words(
        icon=icon,
        waiting=f"{verb} your {what}",
        working=f"{working} your {what}",
        done=f"Your {what} is {done}",
        refused=f"The {what} could not be {done}",
        undoing=f"Giving the {what} back",
        undone=f"The {what} was given back",
        by_hand=f"Your {what}: settled by our desk",
    )


SEATS = Words(
    icon="armchair",
    waiting="Hold your seats",
    working="Holding your seats",
    done="Seats held",
    refused="The seats could not be held",
    undoing="Giving the seats back",
    undone="Seats given back",
    by_hand="Your seats: settled by our desk",
)
PAYMENT = Words(
    icon="credit-card",
    waiting="Authorise the payment",
    working="Asking your bank",
    done="Payment authorised",
    refused="The payment was refused",
    undoing="Cancelling the payment",
    undone="Payment given back",
    by_hand="Your payment: settled by our desk",
)
MILES = Words(
    icon="award",
    waiting="Add your miles",
    working="Adding your miles",
    done="Miles added",
    refused="The miles could not be added",
    undoing="Taking the miles back",
    undone="Miles taken back",
    by_hand="Your miles: settled by our desk",
)
TICKETS = Words(
    icon="ticket",
    waiting="Issue the tickets",
    working="Issuing the tickets",
    done="Tickets issued",
    refused="The tickets could not be issued",
    undoing="Cancelling the tickets",
    undone="Tickets cancelled",
    by_hand="Your tickets: settled by our desk",
)
CAPTURE = Words(
    icon="credit-card",
    waiting="Collect the payment",
    working="Collecting the payment",
    done="Payment collected",
    refused="The payment could not be collected",
    undoing="Giving the payment back",
    undone="Payment given back",
    by_hand="Your payment: settled by our desk",
)
CONFIRMATION = Words(
    icon="mail",
    waiting="Send the confirmation",
    working="Sending the confirmation",
    done="Confirmation sent",
    refused="The confirmation could not be sent",
    undoing="Taking the confirmation back",
    undone="Confirmation taken back",
    by_hand="Your confirmation: settled by our desk",
)
