"""Write down which authorisations have expired, and settle calls to the provider that nobody came back to.

To be run every few minutes; a repeat changes nothing more.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django_sagas.clock import utc_now

from payment import housekeeping


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=200, help="payments in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        now = utc_now()
        settled, unclear = housekeeping.settle_abandoned(now=now)
        expired = housekeeping.expire(now=now, batch=options["batch"])
        self.stdout.write(f"{expired} expired, {settled} calls settled, {unclear} still unclear")
