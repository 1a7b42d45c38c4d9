"""What is kept of a visitor: their state alone, not what their pages are and show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client

from helpers.server import running

SERVER = """
import gradio as gr
from apex_space.ui.gradio_patches import adapt_sessions

adapt_sessions()

def kept():
    sessions = blocks.state_holder.session_data.values()
    return [[repr(each.config_values), sum(each.state_data.values())] for each in sessions]

with gr.Blocks(analytics_enabled=False) as blocks:
    state, text, json = gr.State(0), gr.Textbox("never"), gr.JSON()
    gr.Button("count").click(lambda n: (n + 1, f"{n + 1} times"), state, [state, text], api_name="count")
    gr.Button("kept").click(kept, outputs=json, api_name="kept")
blocks.launch(quiet=True)
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with running(tmp_path, "-c", SERVER) as server:
        yield server.url


def test_each_visitor_has_a_state_and_nothing_of_what_they_were_shown_is_kept(address: str) -> None:
    first, second = (Client(address, verbose=False) for _ in range(2))
    assert [each.predict(api_name="/count") for each in (first, first, second)] == ["1 times", "2 times", "1 times"]
    kept = first.predict(api_name="/kept")
    assert sorted(state for _, state in kept) == [1, 2]
    assert not [shown for shown, _ in kept if "times" in shown or "never" in shown]
    for each in (first, second):
        each.close()
