"""The saga log: one row a saga, one row for the events of a commit."""

from django.db import models

from django_sagas.state import OPEN, SagaStatus


class SagaQuerySet(models.QuerySet["SagaRow"]):
    def open(self) -> "SagaQuerySet":
        """Sagas that have not ended, in the form that the partial index of open sagas serves."""
        return self.filter(due_at__isnull=False)


class SagaRow(models.Model):
    """One saga: what was asked for, its progress, its epoch and its due time.

    An open saga always has `due_at`: the end of its owner's lease, or the time of the next try.
    A claim raises `epoch` (fencing token); every later write is conditional on it.
    """

    # What never changes comes first, then what seldom does: of an update within its page PostgreSQL logs
    # what lies between the first change and the last.
    correlation_id = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=64, help_text="of its definition")
    version = models.PositiveSmallIntegerField(help_text="of its definition, when it began")
    subject = models.CharField(max_length=64, help_text="whose it is, such as a user id")
    data = models.TextField(help_text="JSON: what was asked for; never changes")
    reversible_until = models.DateTimeField(null=True, help_text="not cancelled later, when complete")
    idempotency_scope = models.CharField(
        max_length=130, null=True, help_text="where its key is unique, such as the definition and the subject"
    )
    idempotency_key = models.CharField(max_length=200, null=True)
    request_fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    secrets = models.TextField(help_text="JSON: erased by the steps that used them")
    reason = models.CharField(max_length=40)
    attention = models.CharField(max_length=200, help_text="why a person should look; empty if none")
    failed_step = models.CharField(max_length=32)
    error = models.CharField(max_length=200)
    error_code = models.CharField(max_length=40)
    reference = models.CharField(max_length=64, help_text="such as an order number; empty until there is one")
    epoch = models.IntegerField(help_text="fencing token: grows with every new owner")
    claims = models.IntegerField(help_text="claims since it last made progress")

    status = models.CharField(max_length=12, choices=SagaStatus)
    owner = models.CharField(max_length=64, help_text="who holds the lease; empty while it waits")
    due_at = models.DateTimeField(null=True, help_text="when anybody may claim it; null when terminal")
    last_sequence = models.IntegerField(help_text="sequence of its newest event")
    steps = models.TextField(help_text="JSON: definition, state, attempts, times and error of each step")
    facts = models.TextField(help_text="JSON: what the steps answered")
    result = models.TextField(help_text="JSON: the answer to who started it, once it has ended")
    finished_at = models.DateTimeField(null=True)

    objects = SagaQuerySet.as_manager()

    class Meta:
        db_table = "sagas_saga"
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_scope", "idempotency_key"], name="one_start_per_idempotency_key"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OPEN, due_at__isnull=False)
                | (~models.Q(status__in=OPEN) & models.Q(due_at__isnull=True)),
                name="a_saga_is_open_or_ended",
            ),
        ]
        indexes = [
            # Holds open sagas only, so that a claim costs the same with a million finished ones.
            models.Index(fields=["due_at"], name="sagas_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["-created_at", "-correlation_id"], name="sagas_newest"),
            models.Index(fields=["subject", "-created_at"], name="sagas_of_subject"),
            # Counts failures; successful sagas never write it. Covers the query together with the status.
            models.Index(
                fields=["finished_at", "created_at", "reason", "status"],
                name="sagas_compensated",
                condition=models.Q(status=SagaStatus.COMPENSATED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.correlation_id}: {self.status}"


class SagaEventRow(models.Model):
    """The events of one commit, written in the transaction of the state change that they tell of.

    `event_log.unfold` reads them. A row of earlier releases holds one event.
    """

    pk = models.CompositePrimaryKey("correlation_id", "sequence")
    correlation_id = models.CharField(max_length=64)
    sequence = models.IntegerField(help_text="of the first event; 1, 2, 3 ... in its saga, without a gap")
    event_id = models.CharField(max_length=36, help_text="of the first event")
    event_type = models.CharField(max_length=40, help_text="of the first event")
    data = models.TextField(help_text="JSON; of the first event")
    timestamp = models.DateTimeField()
    following = models.TextField(
        db_default="", help_text="JSON: id, type and data of each further event; empty if there is none"
    )

    class Meta:
        db_table = "sagas_event"

    def __str__(self) -> str:
        return f"{self.correlation_id} {self.sequence} {self.event_type}"


class RecoveryHeartbeat(models.Model):
    """Heartbeats of recovery processes."""

    owner = models.CharField(max_length=64, primary_key=True)
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "sagas_recovery"

    def __str__(self) -> str:
        return self.owner


class ManualSettlement(models.Model):
    """A compensation that was resolved by hand. Open until the auditor finds that its participant agrees."""

    correlation_id = models.CharField(max_length=64)
    step = models.CharField(max_length=32)
    settled_at = models.DateTimeField()
    actor = models.CharField(max_length=64, db_default="")
    reason = models.CharField(max_length=200, db_default="")
    evidence = models.CharField(max_length=200, db_default="")
    agreed_at = models.DateTimeField(null=True, help_text="when the owner was found to have nothing left")
    seen = models.CharField(max_length=200, help_text="what the owner had when it was asked last")

    class Meta:
        db_table = "sagas_settlement"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "step"], name="one_settlement_of_a_step")
        ]

    def __str__(self) -> str:
        return f"{self.correlation_id} {self.step}"


class OperatorAction(models.Model):
    """What an operator did to a saga, written in the transaction of the action and never changed."""

    correlation_id = models.CharField(max_length=64, db_index=True)
    action = models.CharField(max_length=20)
    actor = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    evidence = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        db_table = "sagas_operator_action"

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.correlation_id}"


class AuditRun(models.Model):
    """The result of one run of the auditor; metrics show the newest."""

    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    since = models.DateTimeField(help_text="sagas accepted from then on were looked at")
    checked = models.IntegerField()
    drifted = models.IntegerField(help_text="sagas whose effects are not what the saga log says")
    unverified = models.IntegerField(help_text="sagas of which some owner could not be asked")

    class Meta:
        db_table = "sagas_audit_run"

    def __str__(self) -> str:
        return f"{self.ended_at}: {self.drifted} of {self.checked} drifted"
