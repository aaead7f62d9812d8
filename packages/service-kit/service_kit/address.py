"""The caller's address, from the headers of trusted proxies."""

import re
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the /64 network, because a household has 2^64 addresses.

    With TRUSTED_PROXIES it is the entry of X-Forwarded-For that the outermost of them wrote; the caller may
    have forged the entries before it.
    """
    told = str(request.META.get("REMOTE_ADDR") or "")
    if settings.TRUSTED_PROXIES:
        hops = str(request.META.get("HTTP_X_FORWARDED_FOR") or told).split(",")
        told = hops[-settings.TRUSTED_PROXIES] if len(hops) >= settings.TRUSTED_PROXIES else told
    return network_of(told.strip())


WITH_PORT = re.compile(r"\[(?P<six>[^\[\]]*)\](:\d{1,5})?|(?P<four>[0-9.]+):\d{1,5}")
"as RFC 7239 writes a node, and some proxies an entry of X-Forwarded-For"


def network_of(text: str) -> str:
    bare = WITH_PORT.fullmatch(text.strip('"'))
    try:
        address = ip_address((bare["six"] or bare["four"] or "") if bare else text.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
