"""What travellers are told of each step of a booking and of its change."""

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


# Of the change of a trip


def _only_forward(icon: str, *, waiting: str, working: str, done: str) -> Words:
    """Of a step that is tried until it is done: nothing refuses or undoes it."""
    return Words(
        icon=icon,
        waiting=waiting,
        working=working,
        done=done,
        refused=working,
        undoing=working,
        undone=done,
        by_hand=done,
    )


NEW_SEATS = Words(
    icon="armchair",
    waiting="Hold your new seats",
    working="Holding your new seats",
    done="New seats held",
    refused="The new seats could not be held",
    undoing="Giving the new seats back",
    undone="New seats given back; your trip is as it was",
    by_hand="Your seats: settled by our desk",
)
DIFFERENCE = Words(
    icon="credit-card",
    waiting="Authorise the difference",
    working="Asking your bank",
    done="Difference authorised",
    refused="The payment was refused",
    undoing="Cancelling the payment",
    undone="Payment of the difference cancelled",
    by_hand="Your payment: settled by our desk",
)
NEW_TICKETS = Words(
    icon="ticket",
    waiting="Change your tickets",
    working="Changing your tickets",
    done="Tickets changed",
    refused="The tickets could not be changed",
    undoing="Changing the tickets back",
    undone="Tickets as they were",
    by_hand="Your tickets: settled by our desk",
)
REFUND = _only_forward(
    "credit-card",
    waiting="Give the difference back",
    working="Giving the difference back",
    done="Difference given back",
)
ADJUSTED_MILES = _only_forward(
    "award", waiting="Adjust your miles", working="Adjusting your miles", done="Miles adjusted"
)
OLD_SEATS = _only_forward(
    "armchair",
    waiting="Give your old seats back",
    working="Giving your old seats back",
    done="Old seats given back",
)
ITINERARY = _only_forward(
    "mail", waiting="Send the new tickets", working="Sending the new tickets", done="New tickets sent"
)
