"""The second factor of an account: codes of an app (TOTP), and recovery codes for a lost telephone.

Both are django-otp's, which also slows guesses down: after the nth wrong code in a row none is looked at for
2^(n-1) seconds.
"""

import os
import re
from base64 import b32encode
from datetime import datetime, timedelta
from hashlib import sha256

import django_otp
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_sagas.clock import iso

from ui.backend_client import Json
from ui.models import User

APP, RECOVERY = "app", "recovery codes"
CODES = 8
CODE_BYTES, HASH_BYTES = 15, 10
"120 bits, which need no slow hash; 80 of the hash fill django-otp's column."
OF_APP = re.compile(r"[0-9]{6}")
UNCONFIRMED = timedelta(days=1)


def is_needed(user: User) -> bool:
    """Whether the account cannot do without: operators and auditors see everybody's trips."""
    return bool(settings.STAFF_SECOND_FACTOR) and user.is_overseer


def is_on(user: User) -> bool:
    found: bool = TOTPDevice.objects.filter(user=user, confirmed=True).exists()
    return found


def codes_left(user: User) -> int:
    number: int = StaticToken.objects.filter(device__user=user).count()
    return number


def exported(user: User) -> Json | None:
    """Without what proves it."""
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    if device is None:
        return None
    used = iso(device.last_used_at) if device.last_used_at else None
    return {"since": iso(device.created_at), "last_used": used, "recovery_codes_left": codes_left(user)}


# -- setting it up


def begin(user: User) -> None:
    """A new secret, in force once a code of it has been typed; until then an earlier one is."""
    with transaction.atomic():
        _unconfirmed(user).delete()
        TOTPDevice.objects.create(user=user, name=APP, confirmed=False)


def begun(user: User) -> TOTPDevice | None:
    return _unconfirmed(user).first()


def secret_of(device: TOTPDevice) -> str:
    """As apps take it, in groups of four."""
    return _in_groups(b32encode(device.bin_key).decode())


def confirm(user: User, typed: str) -> Device | None:
    """The app, if this is its code; it takes the place of an earlier one."""
    device = begun(user)
    if device is None:
        return None
    with transaction.atomic():
        if not django_otp.verify_token(user, device.persistent_id, _plain(typed)):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        _unconfirmed(user).update(confirmed=True)
    return TOTPDevice.objects.get(user=user)


def new_recovery_codes(user: User) -> list[str]:
    """In the place of earlier ones. Only hashes are kept."""
    codes = [b32encode(os.urandom(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    with transaction.atomic():
        device, _ = StaticDevice.objects.get_or_create(user=user, defaults={"name": RECOVERY})
        device.token_set.all().delete()
        StaticToken.objects.bulk_create(StaticToken(device=device, token=_hash(code)) for code in codes)
    return [_in_groups(code) for code in codes]


def take_away(user: User) -> bool:
    """Whether there was one."""
    with transaction.atomic():
        apps, _ = TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
    return bool(apps)


def sweep(now: datetime) -> int:
    """How many were begun and never confirmed."""
    number: int
    number, _ = TOTPDevice.objects.filter(confirmed=False, created_at__lt=now - UNCONFIRMED).delete()
    return number


# -- using it


def proves(request: HttpRequest, device: Device) -> None:
    """From now on this session is one with the second factor."""
    django_otp.login(request, device)


def is_proven(user: User) -> bool:
    """In this request's session; django-otp's middleware has looked."""
    return getattr(user, "otp_device", None) is not None


def verified(user: User, typed: str) -> Device | None:
    """The app or the recovery codes, if the code is good. A code is good once."""
    device, code = _device(user, typed)
    return django_otp.verify_token(user, device.persistent_id, code) if device else None


def seconds_to_wait(user: User, typed: str) -> int:
    """Until this kind of code is looked at again, after wrong ones."""
    device, _ = _device(user, typed)
    if device is None:
        return 0
    is_allowed, why = device.verify_is_allowed()
    return 0 if is_allowed else int((why["locked_until"] - timezone.now()).total_seconds()) + 1


def was_recovered(device: Device) -> bool:
    return isinstance(device, StaticDevice)


def _device(user: User, typed: str) -> tuple[Device | None, str]:
    """What such a code is of, and the code as that takes it."""
    code = _plain(typed)
    if OF_APP.fullmatch(code):
        return TOTPDevice.objects.filter(user=user, confirmed=True).first(), code
    return StaticDevice.objects.filter(user=user).first(), _hash(code)


def _unconfirmed(user: User) -> QuerySet[TOTPDevice]:
    found: QuerySet[TOTPDevice] = TOTPDevice.objects.filter(user=user, confirmed=False)
    return found


def _plain(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).lower()


def _hash(code: str) -> str:
    return b32encode(sha256(code.encode()).digest()[:HASH_BYTES]).decode().lower()


def _in_groups(code: str) -> str:
    return " ".join(re.findall("....", code))
