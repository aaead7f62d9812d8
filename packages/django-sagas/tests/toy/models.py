from django.db import models


class Effect(models.Model):
    """What a local step has done: written in the saga's own commit."""

    correlation_id = models.CharField(max_length=64)
    name = models.CharField(max_length=64)

    class Meta:
        db_table = "toy_effect"

    def __str__(self) -> str:
        return f"{self.name} {self.correlation_id}"
