"""The crash matrix. Its driver is no Django project, but what it takes of the engine asks for settings."""

import os

import django
from django.conf import settings

if "DJANGO_SETTINGS_MODULE" not in os.environ:  # Those of a rig's services have it.
    settings.configure(INSTALLED_APPS=["django_sagas", "django_sagas.guard"])
    django.setup()
