"""Turns an address into a salted hash that identifies a visitor for votes and rate limits, for a day."""

import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from secrets import token_bytes

from ..core.settings import Settings

UNKNOWN = "unknown"
DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Visitor:
    """A visitor as hashes of 32 hexadecimal digits.

    `hash` is the address's or, for IPv6, that of its /64 network, usually a household. `network` is the hash of the
    /48 network, usually one customer of a provider, who can use 65,536 networks of a /64; it is empty for IPv4.
    """

    hash: str
    network: str = ""

    @property
    def widest(self) -> str:
        """Return what counts as one where a visitor takes room from others."""
        return self.network or self.hash


class AddressHasher:
    """Turns addresses into hashes. Addresses are neither stored nor logged. It is safe to use from many threads.

    Each day (UTC) has a key of its own. Without `salt` the key is random, is only in memory and is forgotten with the
    day: after it nobody can find the address of a hash. With `salt` all processes have the same keys, and a person who
    has the salt can find the address of a hash by trying all addresses. `clock` returns the seconds since 1970.
    """

    def __init__(self, salt: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._salt, self._clock = salt, clock
        self._day, self._key = -1, b""
        self._lock = threading.Lock()

    def __call__(self, address: str) -> Visitor:
        """Return the visitor at an address, which may be any text."""
        key = self._key_of_today()
        narrow, wide = networks(address)
        return Visitor(_hash(key, narrow), wide and _hash(key, wide))

    def _key_of_today(self) -> bytes:
        day = int(self._clock() // DAY)
        with self._lock:
            if day != self._day:
                self._day, self._key = day, self._make_key(day)
            return self._key

    def _make_key(self, day: int) -> bytes:
        if self._salt is None:
            return token_bytes(32)
        return hmac.digest(self._salt.encode(), str(day).encode(), "sha256")


def open_hasher(config: Settings) -> AddressHasher:
    """Make a hasher with the salt of the settings, if they have one."""
    return AddressHasher(config.salt.get_secret_value() if config.salt else None)


def _hash(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:32]


def networks(address: str) -> tuple[str, str]:
    """Return the smallest network and the wider network of an address, as in `Visitor`, but not as hashes."""
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return UNKNOWN, ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed), ""
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped), ""
    narrow, wide = (str(IPv6Network((int(parsed), length), strict=False)) for length in (64, 48))
    return narrow, wide
