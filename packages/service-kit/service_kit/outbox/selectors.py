from django_sagas.clock import iso

from service_kit.outbox.models import KeptMail

MOST_SHOWN = 50


def newest_mails() -> list[dict[str, str]]:
    return [
        {
            "sent_at": iso(mail.sent_at),
            "recipients": mail.recipients,
            "subject": mail.subject,
            "body": mail.body,
            "attachments": mail.attachments,
        }
        for mail in KeptMail.objects.order_by("-id")[:MOST_SHOWN]
    ]
