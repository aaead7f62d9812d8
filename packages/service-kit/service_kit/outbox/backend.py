"""Django's mail backend of demo mode: it keeps the newest mails instead of sending them."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django_sagas.clock import utc_now
from django_sagas.database import write_transaction

from service_kit.outbox.models import KeptMail

MOST_KEPT = 200


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        with write_transaction():
            made = [KeptMail.objects.create(**_kept(mail)) for mail in email_messages]
            newest = KeptMail.objects.order_by("-id").values_list("id", flat=True)
            if older := newest[MOST_KEPT : MOST_KEPT + 1].first():
                KeptMail.objects.filter(id__lte=older).delete()
        return len(made)


def _kept(mail: EmailMessage) -> dict[str, object]:
    files = [str(getattr(each, "filename", each[0])) for each in mail.attachments]
    return {
        "sent_at": utc_now(),
        "recipients": ", ".join(mail.recipients()),
        "subject": str(mail.subject),
        "body": str(mail.body),
        "attachments": ", ".join(files),
    }
