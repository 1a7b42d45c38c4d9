"""Turns an address into a salted hash that identifies a visitor for votes and rate limits."""

import hmac
from ipaddress import IPv6Address, IPv6Network, ip_address
from secrets import token_hex

from ..core.settings import Settings
from .database import Database

UNKNOWN = "unknown"


class AddressHasher:
    """Turns addresses into hashes with `salt`. Addresses are neither stored nor logged.

    A person who has the salt can find the address of a hash by trying all addresses. A person who has only the votes
    cannot.
    """

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()

    def __call__(self, address: str) -> str:
        """Return 32 hexadecimal digits.

        All addresses of one IPv6 /64 network, usually a household, have the same hash.
        """
        return hmac.digest(self._salt, _network(address).encode(), "sha256").hex()[:32]


def open_hasher(config: Settings, database: Database) -> AddressHasher:
    """Make a hasher with the salt of the settings, or else with the database's salt, which all replicas share.

    Raises StoreError.
    """
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
