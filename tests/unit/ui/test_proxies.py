"""Whom and what the server believes about a request: its sender, its host, and the page that it comes from."""

from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from apex_space.core.settings import Settings
from apex_space.ui import proxies
from apex_space.ui.proxies import TrustedHost, is_from_elsewhere, network
from helpers.wait import run_coroutine

SENT = [(b"host", b"here"), (b"x-forwarded-host", b"attacker.example"), (b"x-forwarded-proto", b"https")]


@pytest.mark.parametrize(("trusted", "kept"), [(0, [SENT[0], SENT[2]]), (1, SENT)])
def test_without_trusted_proxies_no_host_is_believed(
    trusted: int, kept: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["headers"] == kept

    async def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(proxies, "settings", lambda: Settings(proxies=trusted))
    run_coroutine(TrustedHost(application)({"type": "http", "headers": SENT}, never, never))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *[(host, 200) for host in ("localhost:7860", "space.localhost", "127.0.0.1:7860", "[::1]:7860", "192.0.2.7")],
        *[(host, 421) for host in ("attacker.example", "localhost.example:7860", "", "[::1", "127.0.0.1.example")],
    ],
)
@pytest.mark.parametrize("trusted", [0, 1])
def test_a_foreign_name_that_leads_to_this_machine_is_not_answered(
    host: str, status: int, trusted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        statuses.append(200)

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    async def never() -> Any:
        raise AssertionError

    statuses: list[int | None] = []
    monkeypatch.setattr(proxies, "settings", lambda: Settings(proxies=trusted))
    for server in ("127.0.0.1", "::1", "192.0.2.1"):
        scope = {"type": "http", "headers": [(b"host", host.encode())], "server": (server, 7860)}
        run_coroutine(TrustedHost(application)(scope, never, send))
    wanted = 200 if trusted else status
    assert [each for each in statuses if each] == [wanted, wanted, 200]


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({"host": "here"}, False),  # no browser
        ({"host": "here", "origin": "https://here"}, False),
        ({"host": "here:7860", "origin": "http://HERE:7860"}, False),
        ({"host": "here", "origin": "https://there"}, True),
        ({"host": "here", "origin": "null"}, True),
        ({"host": "here", "origin": "https://[::1"}, True),
        ({"host": "here", "origin": "https://there", "x-forwarded-host": "there"}, True),
        ({"host": "inside", "origin": "https://here", "sec-fetch-site": "same-origin"}, False),
        ({"host": "here", "sec-fetch-site": "cross-site"}, True),
        ({"host": "here", "origin": "https://here", "sec-fetch-site": "same-site"}, True),
    ],
)
def test_a_browser_says_for_which_page_it_asks(headers: dict[str, str], elsewhere: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = Request({"type": "http", "headers": raw})
    assert is_from_elsewhere(asked) is elsewhere
    assert is_from_elsewhere(gr.Request(asked)) is elsewhere


def test_a_network_is_what_one_visitor_may_own() -> None:
    def of(address: str) -> str:
        return network(Request({"type": "http", "headers": [], "client": (address, 1)}))

    assert of("2001:db8:1:2::3") == of("2001:db8:1:4::5") != of("2001:db8:2::1")
    assert of("192.0.2.1") != of("192.0.2.2")
