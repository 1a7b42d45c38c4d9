"""Turns an address into a salted hash that identifies a visitor for votes and rate limits, for a day."""

import hmac
import threading
import time
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address
from secrets import token_bytes

from ..core.settings import Settings

UNKNOWN = "unknown"
DAY = 24 * 60 * 60


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

    def __call__(self, address: str) -> str:
        """Return 32 hexadecimal digits.

        All addresses of one IPv6 /64 network, usually a household, have the same hash.
        """
        return hmac.digest(self._key_of_today(), _network(address).encode(), "sha256").hex()[:32]

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


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))
