"""The mails of demo mode, which nothing sends: kept in a table, where a page can show them."""

from django.db import models


class KeptMail(models.Model):
    sent_at = models.DateTimeField()
    recipients = models.TextField()
    subject = models.TextField()
    body = models.TextField()
    attachments = models.TextField(help_text="names of the files, comma-separated")

    class Meta:
        db_table = "outbox_mail"

    def __str__(self) -> str:
        return f"{self.subject}, to {self.recipients}"
