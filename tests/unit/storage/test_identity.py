"""Visitors are hashes that cannot be told apart by anyone without the salt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.storage.identity import AddressHasher

ADDRESS = "203.0.113.77"
DAY = 24 * 60 * 60
hasher = AddressHasher("a salt", lambda: 0.0)


@given(st.ip_addresses())
def test_a_hash_is_one_voters_under_one_salt(address: object) -> None:
    visitor = hasher(str(address))
    assert visitor == AddressHasher("a salt", lambda: DAY - 1.0)(str(address))
    other = AddressHasher("another salt", lambda: 0.0)(str(address))
    assert {visitor.hash, visitor.network}.isdisjoint({other.hash, other.network} - {""})
    assert len(visitor.hash) == 32
    assert str(address) not in repr(visitor)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_every_address_of_version_4_is_a_voter(one: object, other: object) -> None:
    assert (hasher(str(one)) == hasher(str(other))) == (one == other)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_network_of_version_6_is_one_voter(network: int, host: int, other: int) -> None:
    def address(network: int, host: int) -> str:
        digits = f"{network << 64 | host:032x}"
        return ":".join(digits[at : at + 4] for at in range(0, 32, 4))

    network |= 0x2000 << 48  # not where addresses of version 4 are mapped to
    assert hasher(address(network, host)) == hasher(address(network, other))
    assert hasher(address(network, host)).hash != hasher(address(network ^ 1, host)).hash


def test_the_networks_of_a_customer_are_one_wider_network() -> None:
    one, same, other = (hasher(f"2001:db8:{network}::1") for network in ("1", "1:ffff", "2"))
    assert one.hash != same.hash
    assert one.widest == one.network == same.network != other.network
    assert hasher(ADDRESS).network == ""
    assert hasher(ADDRESS).widest == hasher(ADDRESS).hash


def test_ways_of_writing_an_address_are_one() -> None:
    assert len({hasher(text) for text in (ADDRESS, f" {ADDRESS}\n", f"::ffff:{ADDRESS}", "::FFFF:cb00:714d")}) == 1
    assert hasher("fe80::1%eth0") == hasher("fe80::2")


def test_what_is_no_address_is_one_voter_whatever_it_says() -> None:
    assert len({hasher(text) for text in ("", "unknown", "testclient", "1.2.3.4.5", "x" * 100_000)}) == 1


@pytest.mark.parametrize("salt", [None, "a salt"])
def test_the_next_day_a_visitor_is_another_one(salt: str | None) -> None:
    now = 20_000.5 * DAY
    dated = AddressHasher(salt, lambda: now)
    today = dated(ADDRESS)
    now += DAY / 2 - 1
    assert dated(ADDRESS) == today
    now += 1
    tomorrow = dated(ADDRESS)
    assert tomorrow != today
    now -= 1  # the clock is put back
    assert (dated(ADDRESS) == today) == (salt is not None)


def test_without_a_salt_every_process_has_keys_of_its_own() -> None:
    assert AddressHasher()(ADDRESS) != AddressHasher()(ADDRESS)


def test_the_address_is_nowhere_in_the_object() -> None:
    fresh = AddressHasher("a salt")
    assert ADDRESS not in repr(fresh(ADDRESS)) + repr(vars(fresh))
