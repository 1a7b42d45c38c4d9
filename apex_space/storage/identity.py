"""An address -> a salted hash, under which votes and rate limits are kept."""

import hmac
from ipaddress import IPv6Address, IPv6Network, ip_address
from secrets import token_hex

from ..core.settings import Settings
from .database import Database

UNKNOWN = "unknown"


class AddressHasher:
    """Turns addresses into hashes under `salt`. Addresses are neither kept nor logged.

    Whoever holds the salt can find the address behind a hash by trying them all; whoever holds the votes alone cannot.
    """

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()

    def __call__(self, address: str) -> str:
        """32 hexadecimal digits. All addresses of an IPv6 network of 64 bits, one household's, have the same hash."""
        return hmac.digest(self._salt, _network(address).encode(), "sha256").hex()[:32]


def open_hasher(config: Settings, database: Database) -> AddressHasher:
    """With the salt of the settings, or else that of the database, which all replicas share. Raises StoreError."""
    salt = config.salt.get_secret_value() if config.salt else database.secret("salt", lambda: token_hex(32))
    return AddressHasher(salt)


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
