"""After the booking: its money is captured and its confirmation mailed."""
