"""How often an address may try, and how little is kept of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.limits import ADDRESSES_MAX, TRIES_A_MINUTE, TRIES_IN_ALL, Tries, network_of


def test_an_address_may_try_ten_times_and_then_one_every_six_seconds() -> None:
    now_s = 0.0
    tries = Tries(lambda: now_s)
    assert all(tries.allow("10.0.0.9") for _ in range(TRIES_A_MINUTE))
    assert not tries.allow("10.0.0.9")
    assert tries.allow("10.0.0.10")
    now_s = 6.1
    assert tries.allow("10.0.0.9")
    assert not tries.allow("10.0.0.9")
    now_s = 70.0
    assert all(tries.allow("10.0.0.9") for _ in range(TRIES_A_MINUTE))


def test_hopping_between_addresses_is_no_way_around() -> None:
    tries = Tries(lambda: 0.0)
    assert sum(tries.allow(f"10.0.{number // 200}.{number % 200}") for number in range(2_000)) == TRIES_IN_ALL


def test_an_ipv6_network_is_one_address() -> None:
    tries = Tries(lambda: 0.0)
    assert sum(tries.allow(f"2001:db8::{number:x}") for number in range(1, 50)) == TRIES_A_MINUTE
    assert tries.allow("2001:db8:0:1::1")


def test_an_ipv4_address_in_ipv6_clothes_is_itself() -> None:
    assert network_of("::ffff:10.0.0.9") == network_of("10.0.0.9") != network_of("::ffff:10.0.0.10")


def test_the_memory_of_tries_is_bounded() -> None:
    tries = Tries(lambda: 0.0, in_all=10**9)
    for number in range(ADDRESSES_MAX + 50):
        assert tries.allow(f"address {number}")
    assert len(tries._even_s) == ADDRESSES_MAX


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 3)), max_size=200))
def test_no_minute_lets_more_than_twice_the_limit_through(steps: list[tuple[float, int]]) -> None:
    now_s, let_in = 0.0, []
    tries = Tries(lambda: now_s)
    for step_s, one in steps:
        now_s += step_s
        if tries.allow(f"10.0.0.{one}"):
            let_in.append((now_s, one))
    for start_s, one in let_in:
        within = [s for s, other in let_in if other == one and start_s <= s <= start_s + 60]
        assert len(within) <= 2 * TRIES_A_MINUTE
