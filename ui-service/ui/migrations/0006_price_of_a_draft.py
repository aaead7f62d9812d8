"""A draft becomes one booking. One whose two flights were sent as two bookings becomes two drafts."""

import json
import secrets
from decimal import Decimal
from typing import Any

from django.db import migrations, models


def one_booking_each(apps: Any, schema_editor: Any) -> None:
    drafts, attempts = apps.get_model("ui", "Draft"), apps.get_model("ui", "Attempt")
    for draft in drafts.objects.iterator(chunk_size=500):
        legs = json.loads(draft.legs, parse_float=Decimal)
        for leg in legs[1:]:
            sent = attempts.objects.filter(draft_id=draft.id, leg=legs.index(leg))
            if not sent.exists():
                continue
            row = {name.attname: getattr(draft, name.attname) for name in drafts._meta.concrete_fields}
            other = {**row, "id": secrets.token_hex(16), "version": secrets.token_hex(16)}
            made = drafts.objects.create(**{**other, **_priced([leg])})
            sent.update(draft_id=made.id)
        kept = legs[:1] if attempts.objects.filter(draft_id=draft.id).exists() else legs
        drafts.objects.filter(id=draft.id).update(**_priced(kept))


def _priced(legs: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of a draft with these flights; charges were in the price of each."""
    prices = [Decimal(leg["price"]) for leg in legs if leg.get("price")]
    twice = sum((Decimal(leg["shown"]["other_charges"]) for leg in legs[1:] if leg.get("shown")), Decimal(0))
    plain = [{name: leg[name] for name in ("flight", "seats", "shown")} for leg in legs]
    whole = sum(prices) - twice if prices and len(prices) == len(legs) else None
    return {"legs": json.dumps(plain, default=float), "price": whole}


class Migration(migrations.Migration):
    dependencies = [("ui", "0005_claimed_guests")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="price",
            field=models.DecimalField(
                decimal_places=2,
                help_text="last shown, with charges; null before that",
                max_digits=12,
                null=True,
            ),
        ),
        migrations.RunPython(one_booking_each, migrations.RunPython.noop),
    ]
