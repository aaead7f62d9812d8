"""The body of every service's manage.py."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main(settings_module: str) -> None:
    """Run the command of sys.argv. An invalid setting prints one sentence and exits with 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
