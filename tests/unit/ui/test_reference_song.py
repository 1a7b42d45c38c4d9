"""A reference song beside the visitor's on the Score page."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from apex_space import plots
from apex_space.core.axes import KEYS
from apex_space.core.errors import SilentAudio
from apex_space.judges.judge import ScoringProgress
from apex_space.judges.report import Report
from apex_space.judges.score import PANEL
from apex_space.judges.takes import Takes
from apex_space.ui.pages.score import ReferenceSong, ScorePage
from apex_space.ui.render.report import downloads, tables
from apex_space.ui.requests import Requests
from helpers.results import report

NOTHING: Any = None
NONE = ReferenceSong()
OTHER = report(
    file="<b>theirs.mp3", sha256="other", scores=dict.fromkeys(KEYS) | {"likes": 20.0, "musicality": 4.36, "clarity": 3}
)


class Scored:
    """Stands for a running server: its judge pocket scores each path as `reports` says."""

    def __init__(self, **reports: Report) -> None:
        self.reports, self.asked = reports, list[str]()

    def check(self, name: str) -> str:
        return "pocket"

    def load(self, name: str) -> Any: ...

    def score(self, request: Any, load: Any) -> Iterator[ScoringProgress]:
        self.asked.append(str(request.song))
        found = self.reports.get(request.song.name)
        if found is None:
            raise SilentAudio("The file holds no samples. Export it again.")
        yield ScoringProgress("pocket", 40.0, 1.0, 0.0, found)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Scored:
    server = Scored(mine=report(), theirs=OTHER)
    monkeypatch.setattr("apex_space.ui.requests.score", server.score)
    return server


def shown(server: Scored, reference: str | None, beside: ReferenceSong = NONE) -> list[tuple[Any, ...]]:
    page: Any = ScorePage.__new__(ScorePage)
    page._requests = Requests(server, NOTHING)  # type: ignore[arg-type]
    return list(page._show("mine", "best", reference, beside, Takes().followed_by((report(),), False), False))


def test_the_reference_song_is_scored_first_and_then_kept(scored: Scored) -> None:
    steps = shown(scored, "theirs")
    assert "Reference song: Pocket" in steps[1][1]
    cards, *_, take, beside = steps[-1]
    assert "Against the reference song, &lt;b&gt;theirs.mp3: " in cards
    assert not take.visible, "the last take is not what it is compared with"
    assert scored.asked == ["theirs", "mine"]
    again = shown(scored, "theirs", beside)[-1]
    assert scored.asked[2:] == ["mine"]
    assert (again[0], again[-1]) == (cards, beside)
    *_, gone = shown(scored, None, beside)[-1]
    assert gone.report is None


def test_an_error_names_the_reference_song(scored: Scored) -> None:
    with pytest.raises(gr.Error) as error:
        shown(scored, "broken")
    assert error.value.title == "The reference song was not scored"


def test_its_scores_stand_beside_the_songs_with_the_difference_in_words() -> None:
    (head, *rows) = re.findall(r"<tr>(.*?)</tr>", tables(report(), reference_song=OTHER).split("</table>")[0])
    assert re.findall(">([^<]+)<", head)[:4] == ["Axis", "Score", "Reference song", "Difference"]
    found = {row[0]: row[2:4] for row in (re.findall(r">([^<]+)</t", row) for row in rows)}
    assert found["Likes"] == ["20", "about the same (±\xa047)"]
    assert found["Musicality"] == ["4.36", "1.00 lower (±\xa00.47)"]
    assert found["Streams"] == ["–", "–"]
    assert "Reference song" not in tables(report())


def test_the_json_has_it_with_the_differences() -> None:
    links = downloads(report(), OTHER)
    plain = json.loads(base64.b64decode(links.split("base64,")[1].split('"')[0]))["reference_song"]
    assert (plain["file"], plain["scores"]["likes"]) == ("<b>theirs.mp3", 20.0)
    assert plain["differences"]["musicality"] == {"value": -1.0, "error": 0.46669, "clear": True}
    assert "clarity" not in plain["differences"], "the song has no score of it"


def test_the_pictures_mark_its_scores() -> None:
    named = [trace for trace in plots.scores(report(), OTHER).data if trace.showlegend]
    assert [trace.name for trace in named].count("Reference song") == 1
    assert {trace.name for trace in plots.scores(report()).data if trace.showlegend} < {trace.name for trace in named}
    figure = plots.timeline(report(), OTHER)
    (mark,) = (t for t in figure.data if t.mode == "markers" and t.legendgroup == "likes")
    assert list(mark.y) == [20.0]
    assert report().duration < mark.x[0] < figure.layout.xaxis.range[1], "beside the song's own scores"
    assert plots.timeline(report()).layout.xaxis.range == (0, report().duration)


def test_what_cannot_be_one_is_refused_before_the_queue(tmp_path: Path) -> None:
    class Claims(list[str]):
        claim = list.append

    song = tmp_path / "mine"
    song.touch()
    claimed = Claims()
    requests = Requests(Scored(), claimed)  # type: ignore[arg-type]

    def said(judge: str, reference: str | None, known: str = "") -> list[str]:
        claimed.clear()
        return [check["message"] for check in requests.check_beside(str(song), judge, reference, known)]

    assert said("best", None) == said("best", str(song)) == ["", "", ""]
    assert claimed == [str(song)] * 2
    assert "deleted after it was scored" in said("best", str(tmp_path / "gone"))[2]
    assert not claimed
    assert said("best", str(tmp_path / "gone"), "pocket") == ["", "", ""], "its report is known"
    assert "one judge, not by all" in said(PANEL, str(song))[2]
