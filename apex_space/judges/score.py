"""Scores a song with one judge or with the panel of all judges."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..audio.waveform import load_song
from .judge import Judge, ScoringProgress
from .manager import BEST, LoadProgress
from .panel import Load, Panel, PanelProgress, score_songs
from .registry import REGISTRY
from .report import Report

PANEL = "panel"
"""Name that stands for all judges."""


@dataclass(frozen=True)
class ScoreRequest:
    """A song's file and the judge's name, or BEST or PANEL.

    `name` is what the report shows; if it is None, the report shows the file's name.
    """

    song: Path
    judge: str = BEST
    name: str | None = None


def score(request: ScoreRequest, load: Load) -> Iterator[LoadProgress | ScoringProgress | PanelProgress]:
    """Score a song. Yield progress; the last item has the report, or the panel, of the whole song.

    Raises AudioError, Busy, UnknownJudge and WeightsError.
    """
    if request.judge == PANEL:
        yield from score_songs(REGISTRY, load, (load_song(request.song), request.name or request.song.name))
        return
    for step in load(request.judge):
        yield from [step] if isinstance(step, LoadProgress) else step.score(request.song, request.name)


def result(last: LoadProgress | ScoringProgress | PanelProgress) -> Report | Panel:
    """Return the report or the panel that the last item of `score` has."""
    if isinstance(last, PanelProgress):
        return last.panels[0]
    assert isinstance(last, ScoringProgress)
    assert last.report is not None
    return last.report


def loaded(load: Load, name: str) -> Judge:
    """Return the judge that `load` yields at last."""
    *_, judge = load(name)
    assert not isinstance(judge, LoadProgress)
    return judge
