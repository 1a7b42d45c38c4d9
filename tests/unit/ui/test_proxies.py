"""Only a trusted proxy says under which host a visitor knows the server."""

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from apex_space.core.settings import Settings
from apex_space.ui import proxies
from apex_space.ui.proxies import TrustedHost
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
