"""A cancelled event's last updates do not write over the note that it was cancelled."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from test_page import browser  # noqa: F401

from apex_space.ui.inputs import cancelling

NOTE = "Cancelled."


def _work() -> Iterator[str]:
    for step in range(10_000):
        yield f"step {step}"
        time.sleep(0.005)


@pytest.fixture
def address() -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        progress, start, cancel = gr.HTML(), gr.Button("Start"), gr.Button("Cancel")
        running = start.click(_work, outputs=progress)
        cancelling(cancel, running, lambda: NOTE, None, progress)
    yield blocks.launch(prevent_thread_lock=True, quiet=True)[1]
    blocks.close(verbose=False)


@pytest.mark.slow
def test_the_note_stays_however_fast_the_updates_come(browser: Any, address: str) -> None:  # noqa: F811
    page = browser.new_page()
    page.goto(address)
    for _ in range(5):
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("step").wait_for()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_text(NOTE).wait_for()
        page.wait_for_timeout(500)
        assert page.get_by_text(NOTE).is_visible()
    page.close()
