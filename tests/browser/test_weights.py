"""The app with weights of APEX, made-up ones in thin layers, from a Hub of ours."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import expect

from helpers.browser import upload, visits, wait_for_report
from helpers.hub_server import serve
from helpers.server import running_app
from helpers.songs import short
from helpers.wait import until

NAMES = {"APEX_MERT_REPO": "stand-in/MERT", "APEX_HEAD_REPO": "stand-in/apex", "APEX_UPLOAD_GRACE_SECONDS": "300"}


def test_apex_takes_over_when_it_is_ready_and_the_report_offers_it(
    browser: Any, thin_weights: Path, tmp_path: Path
) -> None:
    with serve(MERT=thin_weights / "MERT-v1-95M", apex=thin_weights / "apex") as hub:
        hub.released.clear()
        with running_app(tmp_path, HF_ENDPOINT=hub.url, **NAMES) as server, visits(browser, server.url) as visit:
            answers: list[Any] = []
            page = visit("/", "Score", answers=answers)
            page.locator(".states", has_text="APEX is").wait_for()
            upload(page, short("bossa.ogg"))
            wait_for_report(page)
            again = page.get_by_role("button", name="Score again with APEX")
            offer = page.locator("#better-judge")
            expect(offer).to_contain_text("APEX is still loading. It is more trusted than Pocket.")
            expect(offer).to_contain_text("need not be sent again for 5 minutes")
            assert not again.is_visible()
            hub.released.set()
            again.click(timeout=120_000)
            page.locator(".result .by", has_text="APEX: with weights of").first.wait_for(timeout=60_000)
            wait_for_report(page)
            assert "–" not in page.locator(".result .cards").inner_text()
            expect(again).not_to_be_visible()
            assert offer.inner_text() == ""
            page.locator(".states").wait_for(state="detached", timeout=30_000)
            assert len([each for each in answers if "/upload?" in each.url]) == 1
            health = f"{server.url}/healthz"
            until(lambda: httpx.get(health).json()["judges"]["banger"] == "absent", seconds=60, pause=0.2)
            expect(page.get_by_role("radio", name="Banger", exact=True)).to_be_disabled(timeout=30_000)
            expect(page.locator(".judges p", has_text="APEX:")).to_contain_text("A song of 3 minutes takes about")
