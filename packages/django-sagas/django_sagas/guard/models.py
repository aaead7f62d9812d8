"""What a participant has answered for each step, by correlation id; and the faults of its demo."""

from django.db import models


class RecordState(models.TextChoices):
    DONE = "DONE", "the action took effect"
    REFUSED = "REFUSED", "the action was definitely refused and changed nothing; final"
    UNDONE = "UNDONE", "compensated, or a tombstone of an action that never came; final"


class StepRecord(models.Model):
    """What a participant answered for one step of one saga, kept for every repeat of the call."""

    correlation_id = models.CharField(max_length=64)
    step = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=RecordState)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the fields the step uses")
    answer = models.TextField(help_text="the action's answer, word for word; empty for a tombstone")
    undo_answer = models.TextField(help_text="the compensation's answer, word for word")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    caller = models.CharField(
        max_length=32, db_default="", help_text="service that called first; empty for a direct call"
    )

    class Meta:
        db_table = "guard_step_record"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "step"], name="one_record_per_step"),
        ]

    def __str__(self) -> str:
        return f"{self.step} of {self.correlation_id}: {self.state}"


class FaultKind(models.TextChoices):
    REFUSE = "refuse", "say a definite no, as simulate_failure does"
    FAIL = "fail", "answer 500 and change nothing"
    DELAY = "delay", "answer late"
    LOSE_REPLY = "lose_reply", "take effect, then cut the connection"


class Fault(models.Model):
    """A fault to inject into a step or compensation. Demo mode only."""

    step = models.CharField(max_length=32)
    kind = models.CharField(max_length=10, choices=FaultKind)
    correlation_id = models.CharField(max_length=64, help_text="of the one saga it is for; empty for all")
    remaining = models.IntegerField(null=True, help_text="calls it is still for; null for every call")
    seconds = models.FloatField(help_text="how late a delayed answer is")
    fired = models.IntegerField()

    class Meta:
        db_table = "guard_fault"

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"

    def matches(self, step: str, correlation_id: str) -> bool:
        return self.step == step and self.correlation_id in ("", correlation_id) and self.remaining != 0
