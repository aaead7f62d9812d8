import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payment", "0004_payments_of_the_ledger")]

    operations = [
        migrations.RenameField("ledgerentry", "correlation_id", "payment"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="payment",
            field=models.ForeignKey(
                db_column="correlation_id",
                db_index=False,
                help_text="correlation id of the payment",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="payment.payment",
                to_field="correlation_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                fields=("payment", "kind", "number"), name="one_payment_entry_per_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ("CAPTURED", "CANCELLED", "EXPIRED"))),
                fields=("payment",),
                name="a_hold_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("attempt",), name="one_entry_per_attempt"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number", 1), models.Q(("kind", "REFUNDED"), ("number__gt", 1)), _connector="OR"
                ),
                name="only_refunds_repeat",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("flight_fare"), "+", models.F("other_charges")
                        ),
                    )
                ),
                name="payment_amount_is_of_the_sum",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "AUTHORIZED"), _negated=True),
                    (
                        "amount",
                        django.db.models.expressions.CombinedExpression(
                            models.F("flight_fare"), "+", models.F("other_charges")
                        ),
                    ),
                    _connector="OR",
                ),
                name="payment_amount_is_the_sum",
            ),
        ),
    ]
