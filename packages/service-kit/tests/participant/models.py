from django.db import models


class Entry(models.Model):
    """What the step under test adds, and its compensation removes again."""

    correlation_id = models.CharField(max_length=64)
    amount = models.BigIntegerField()

    class Meta:
        db_table = "participant_entry"

    def __str__(self) -> str:
        return f"{self.correlation_id}: {self.amount}"
