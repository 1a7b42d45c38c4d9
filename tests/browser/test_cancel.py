"""A cancelled event's last updates do not write over the note that it was cancelled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.server import running

NOTE = "Cancelled."
SERVER = f"""
import time
import gradio as gr
from apex_space.ui.pages.inputs import cancelling

def work():
    for step in range(10_000):
        yield f"step {{step}}"
        time.sleep(0.005)

with gr.Blocks(analytics_enabled=False) as blocks:
    progress, start, cancel = gr.HTML(), gr.Button("Start"), gr.Button("Cancel")
    cancelling(cancel, start.click(work, outputs=progress), lambda: {NOTE!r}, None, progress)
blocks.launch(quiet=True)
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with running(tmp_path, "-c", SERVER) as server:
        yield server.url


def test_the_note_stays_however_fast_the_updates_come(browser: Any, address: str) -> None:
    page = browser.contexts[0].new_page()
    page.goto(address)
    for _ in range(5):
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("step").wait_for()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_text(NOTE).wait_for()
        page.wait_for_timeout(200)
        assert page.get_by_text(NOTE).is_visible()
    page.close()
