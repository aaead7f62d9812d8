import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payment", "0002_longer_authorization_id")]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(help_text="the call's idempotency key", max_length=160)),
                (
                    "correlation_id",
                    models.CharField(help_text="of the step that makes the call", max_length=64),
                ),
                ("step", models.CharField(max_length=32)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("AUTHORIZE", "hold an amount on a card"),
                            ("CAPTURE", "take an amount of the hold, and free the rest"),
                            ("CANCEL", "free the hold"),
                            ("REFUND", "give back an amount that was taken"),
                        ],
                        max_length=9,
                    ),
                ),
                ("payment", models.CharField(help_text="correlation id of the payment", max_length=64)),
                ("amount", models.BigIntegerField(help_text="cents")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "the provider may have done it"),
                            ("DONE", "the provider did it, and the ledger says so"),
                            ("REFUSED", "nothing came of it, and under this key nothing will"),
                        ],
                        max_length=7,
                    ),
                ),
                ("provider", models.CharField(max_length=16)),
                (
                    "reference",
                    models.CharField(help_text="the provider's name for the authorisation", max_length=128),
                ),
                (
                    "fingerprint",
                    models.CharField(
                        help_text="of an authorisation's request; otherwise empty", max_length=64
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "busy_until",
                    models.DateTimeField(
                        help_text="until then its caller may still be waiting for the answer"
                    ),
                ),
            ],
            options={
                "db_table": "payment_attempt",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("correlation_id", models.CharField(max_length=64)),
                ("trip_id", models.CharField(help_text="correlation id of the booking", max_length=64)),
                ("user_id", models.CharField(max_length=64)),
                ("amount", models.BigIntegerField(help_text="cents; what was held on the card")),
                ("flight_fare", models.BigIntegerField(help_text="cents, of the amount")),
                ("other_charges", models.BigIntegerField(help_text="cents, of the amount")),
                ("currency", models.CharField(max_length=3)),
                ("captured", models.BigIntegerField(default=0)),
                ("refunded", models.BigIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("AUTHORIZED", "the amount is held on the card"),
                            ("CAPTURED", "the amount, or a part of it, was taken; the rest is free again"),
                            ("PARTLY_REFUNDED", "a part of what was taken was given back"),
                            ("REFUNDED", "all that was taken was given back"),
                            ("CANCELLED", "the hold was given back; nothing was taken"),
                            ("EXPIRED", "the hold ran out; nothing was taken"),
                        ],
                        max_length=15,
                    ),
                ),
                ("provider", models.CharField(max_length=16)),
                ("provider_reference", models.CharField(max_length=128)),
                ("authorization_id", models.CharField(max_length=64)),
                ("authorized_at", models.DateTimeField()),
                ("capture_before", models.DateTimeField()),
            ],
            options={
                "db_table": "payment_payment",
            },
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="one_payment_entry_per_kind",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="payment_amount_is_the_sum",
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="attempt",
            field=models.CharField(
                help_text="key of the call to the provider that did it", max_length=160, null=True
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="number",
            field=models.IntegerField(
                db_default=1, help_text="1, 2, 3 ... of the refunds; 1 for every other kind"
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="amount",
            field=models.BigIntegerField(help_text="cents, of this movement"),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="flight_fare",
            field=models.BigIntegerField(help_text="cents, of the authorised amount"),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("AUTHORIZED", "the amount is held on the card"),
                    ("CAPTURED", "an amount was taken; the rest of the hold is free"),
                    ("REFUNDED", "an amount was given back"),
                    ("CANCELLED", "the hold was given back"),
                    ("EXPIRED", "the hold ran out"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="other_charges",
            field=models.BigIntegerField(help_text="cents, of the authorised amount"),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["correlation_id", "step"], name="attempts_of_a_step"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("key",), name="one_attempt_per_key"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "OPEN")),
                fields=("payment",),
                name="one_open_attempt_per_payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 0)), name="attempt_is_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["trip_id"], name="payments_of_a_trip"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status", "AUTHORIZED")),
                fields=["capture_before"],
                name="payment_to_expire",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                fields=("correlation_id",), name="one_payment_per_correlation_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                fields=("provider", "provider_reference"), name="one_payment_per_authorization"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="payment_is_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount",
                        django.db.models.expressions.CombinedExpression(
                            models.F("flight_fare"), "+", models.F("other_charges")
                        ),
                    )
                ),
                name="payment_is_the_sum",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("captured__gte", 0), ("captured__lte", models.F("amount"))),
                name="captured_is_of_the_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("captured"))),
                name="refunded_is_of_the_captured",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("captured", 0), ("status__in", ("AUTHORIZED", "CANCELLED", "EXPIRED"))),
                    models.Q(("captured__gt", 0), ("refunded", 0), ("status", "CAPTURED")),
                    models.Q(
                        ("refunded__gt", 0),
                        ("refunded__lt", models.F("captured")),
                        ("status", "PARTLY_REFUNDED"),
                    ),
                    models.Q(("captured__gt", 0), ("refunded", models.F("captured")), ("status", "REFUNDED")),
                    _connector="OR",
                ),
                name="status_agrees_with_the_money",
            ),
        ),
    ]
