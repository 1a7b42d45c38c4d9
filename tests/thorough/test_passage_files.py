"""A passage of a song as a file, in a real browser: pocket takes longer to score such a song than the page to load."""

import re
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import expect

from helpers import melodies
from helpers.browser import upload, visits, wait_for_report
from helpers.server import Running


def test_a_passage_is_had_as_a_file_while_its_song_is_there(
    panel_server: Running, browser: Any, tmp_path: Path
) -> None:
    with visits(browser, panel_server.url) as visit:
        page = visit("/", "Score")
        page.get_by_label("Pocket").check()
        upload(page, melodies.write(tmp_path / "cut.wav", 5, seconds=60, rate=8_000, channels=1))
        wait_for_report(page)
        button = page.locator("button[data-cut]").first
        with page.expect_download() as download:
            button.evaluate("button => button.click()")  # songs stay for seconds, and a busy machine takes some to open
        assert re.fullmatch(r"cut-(0-30|30-60)s\.mp3", download.value.suggested_filename)
        assert soundfile.info(download.value.path()).duration == pytest.approx(30, abs=0.1)
        page.locator("#song").get_by_role("button", name="Clear").click()
        page.get_by_text("The best and the weakest 30 seconds").first.click()
        button.click()
        page.get_by_role("alert").filter(has_text="The song is no longer on the server").wait_for()
        expect(button).to_be_enabled()
