"""`manage.py sagas_picture`: draws every saga; with files it draws those that they mark, in place."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_sagas.definitions import SAGAS
from django_sagas.picture import draw, redraw


class Command(BaseCommand):
    help = "A page marks the place by a line `<!-- saga: NAME -->` before a fenced block."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pages", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--here", default="here", help="how local steps' place is called")

    def handle(self, *args: Any, **options: Any) -> None:
        here = options["here"]
        for page in options["pages"]:
            try:
                page.write_text(redraw(page.read_text(encoding="utf-8"), here=here), encoding="utf-8")
            except KeyError as name:
                raise CommandError(f"{page} marks a saga that is not defined: {name}.") from name
        if not options["pages"]:
            self.stdout.write("\n".join(f"{name}\n{draw(saga, here=here)}" for name, saga in SAGAS.items()))
