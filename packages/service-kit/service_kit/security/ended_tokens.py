"""Access tokens of staff that ended before their time: a role was taken away."""

from datetime import datetime

from service_kit.security.models import EndedTokens


def end(user_id: str, *, now: datetime) -> None:
    """Every token of this person that exists by now."""
    EndedTokens.objects.update_or_create(user_id=user_id, defaults={"before": now})


def has_ended(user_id: str, *, issued: int) -> bool:
    """Tokens are dated by the second: one of the same second has ended too."""
    row = EndedTokens.objects.filter(user_id=user_id).only("before").first()
    return row is not None and issued <= row.before.timestamp()
