"""Rate limit counters, the audit trail, and tokens that ended early."""

from django.db import models


class Attempt(models.Model):
    """How much of a limit one user or one address has used in one window of time."""

    pk = models.CompositePrimaryKey("key", "began_at")
    key = models.CharField(max_length=120, help_text="the limit, `user` or `from`, and who")
    began_at = models.DateTimeField()
    number = models.IntegerField()

    class Meta:
        db_table = "security_attempt"
        indexes = [models.Index(fields=["began_at"], name="attempt_began_at")]

    def __str__(self) -> str:
        return f"{self.key}: {self.number}"


class EndedTokens(models.Model):
    """A person whose role was taken away: access tokens of staff made before are not accepted."""

    user_id = models.CharField(max_length=64, primary_key=True)
    before = models.DateTimeField()

    class Meta:
        db_table = "security_ended_tokens"

    def __str__(self) -> str:
        return self.user_id


class NewestBackup(models.Model):
    """When the newest whole back-up of this database was made. One row, written by who makes back-ups."""

    made_at = models.DateTimeField()

    class Meta:
        db_table = "security_newest_backup"
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_newest_backup"),
        ]

    def __str__(self) -> str:
        return self.made_at.isoformat()


class AuditKind(models.TextChoices):
    OPERATOR = "operator", "an operator acted on a saga or a booking"
    REFUSAL = "refusal", "somebody was refused what is not theirs"
    MISMATCH = "mismatch", "an idempotency key or a correlation id came again with another request"
    ALARM = "alarm", "something needs a person's attention"
    ACCOUNT = "account", "a login, a logout, or a change of an account"


class AuditEntry(models.Model):
    """An audit row: actor, action, time, reason. Append-only: triggers refuse every other statement."""

    created_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=AuditKind)
    actor = models.CharField(max_length=64, help_text="a user's id or a service's name; empty if unknown")
    address = models.CharField(max_length=45, help_text="where it came from; empty for our own doing")
    action = models.CharField(max_length=120, help_text="the operator's verb, or method and route")
    correlation_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    evidence = models.CharField(max_length=200)

    class Meta:
        db_table = "security_audit"
        indexes = [models.Index(fields=["correlation_id"], name="audit_of_saga")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.actor} {self.action}"
