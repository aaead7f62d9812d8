"""Mails that were kept instead of sent, of a person who is erased. What a mail server has is its own."""

from collections.abc import Collection
from functools import reduce
from operator import or_
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from service_kit.outbox.models import KeptMail


def forget(*, addresses: Collection[str], words: Collection[str] = ()) -> None:
    """Delete the mails to these addresses, and those with one of the words in their subject or headers."""
    about = [Q(recipients__icontains=each) for each in addresses] + [
        Q(subject__contains=each) for each in words
    ]
    if not about:
        return
    KeptMail.objects.filter(reduce(or_, about)).delete()
    texts = [each.lower().encode() for each in (*addresses, *words)]
    folder = Path(settings.EMAIL_FILE_PATH)
    for path in folder.iterdir() if folder.is_dir() else ():
        mail = path.read_bytes().lower()
        if any(text in mail for text in texts):
            path.unlink(missing_ok=True)
