"""The schemas of what MCP tools return are true of the answers. tests/server/test_api.py sees them reach the tools."""

import inspect
import json
from pathlib import Path
from typing import Any

import gradio.mcp
import jsonschema
import pytest

from apex_space.judges.panel import Panel
from apex_space.judges.report import rounded
from apex_space.judges.what_if import Effect, LeftOut, WhatIf
from apex_space.judges.windows import Windows
from apex_space.preference import passages
from apex_space.preference.comparison import compare_reports
from apex_space.preference.panel_comparison import PanelComparison
from apex_space.ranking.order import Outcome, Rules, order
from apex_space.ranking.songs import BatchSong
from apex_space.ui.tool_outputs import OUTPUTS
from helpers.preference_head import coherence_head, reports
from helpers.results import report

MOVED = Effect("louder", "Louder, to −14 LUFS", "+3.0 dB", {"likes": 2.0, "musicality": 0.0})


def answers() -> dict[str, list[Any]]:
    """What the tools return: with and without what a judge may not know, by one judge and by several."""
    whole, a_b = report(windows=Windows(30.0, 10.0, {"likes": (50.0, 60.0, 55.0)})), reports()
    songs = [
        Outcome(BatchSong(Path("a"), "a"), a_b[0], a_b[0]),
        Outcome(BatchSong(Path("b"), "b"), a_b[1], a_b[1]),
        Outcome(BatchSong(Path("c"), "c"), error="The file holds no samples."),
    ]
    panel = Panel((whole, report(judge="apex", spread={})), {"hear-1": "It is not available."})
    return {
        "/score": [passages.as_dict(whole), passages.as_dict(report(judge="apex", spread={})), panel.as_dict()],
        "/compare": [
            compare_reports(coherence_head(), a_b).as_dict(),
            PanelComparison(panel, panel, (compare_reports(coherence_head(), a_b),), {}).as_dict(),
        ],
        "/what_if": [WhatIf(whole, 40.0, (MOVED,), (MOVED,), (LeftOut("trim", "No silence", "None."),)).as_dict()],
        "/rank": [
            order(songs, Rules("pocket", "preference", 1, coherence_head())).as_dict(),
            order(songs[2:], Rules("pocket", "likes", 1)).as_dict(),
        ],
    }


@pytest.mark.parametrize("endpoint", OUTPUTS)
def test_a_schema_is_true_of_the_answers_and_of_nothing_else(endpoint: str) -> None:
    schema = jsonschema.Draft202012Validator(OUTPUTS[endpoint])
    schema.check_schema(OUTPUTS[endpoint])
    for answer in answers()[endpoint]:
        plain = json.loads(json.dumps(rounded(answer), allow_nan=False))
        schema.validate(plain)
        partly = {name: value for name, value in plain.items() if name not in ("judge", "reports", "a")}
        assert not schema.is_valid(partly)


def test_gradio_gives_tools_no_schema_of_their_output() -> None:
    """Else the patch is not needed."""
    assert "outputSchema" not in inspect.getsource(gradio.mcp)
