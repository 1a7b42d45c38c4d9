"""Compares two songs by one judge or by the panel of all judges."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..audio.waveform import load_song
from ..core.errors import AudioError
from ..judges.judge import Judge, ScoringProgress
from ..judges.manager import BEST, LoadProgress
from ..judges.panel import Load, Panel, score_songs
from ..judges.registry import REGISTRY
from ..judges.report import Report
from ..judges.score import PANEL
from ..storage.records import Side
from . import head_files
from .comparison import Comparison, Models, compare_by_model, compare_reports, no_models
from .panel_comparison import PanelComparison, compare_panels

SIDE_NAMES: dict[Side, str] = {"a": "Song A", "b": "Song B"}
Known = Mapping[tuple[str, Path], Report | Panel]
"""Reports or panels that are known already, by judge (or PANEL) and file."""


@dataclass(frozen=True)
class CompareRequest:
    """Two songs' files, and the judge by name (or BEST or PANEL) that compares them.

    `one_maker` says that both songs are by the same generator or artist. Songs with a result in `known` are not scored
    again, and their files may be deleted by now.
    """

    a: Path
    b: Path
    judge: str = BEST
    known: Known = field(default_factory=dict)
    one_maker: bool = True

    def side(self, song: Path) -> Side:
        """Return the side of a song; A if it is on both."""
        return "a" if song == self.a else "b"


@dataclass(frozen=True)
class CompareProgress:
    """How far a comparison is.

    `current` is what a judge does for the song on `side`; it is None while the song is decoded. A judge that is loaded
    for both songs has no side. `left` is how many seconds remain until the whole panel is done, or None if that is not
    known. `known` has the results that were completed since the last progress.
    """

    side: Side | None
    current: LoadProgress | ScoringProgress | None = None
    left: float | None = None
    known: Known = field(default_factory=dict)


def compare(
    request: CompareRequest, load: Load, models: Models = no_models
) -> Iterator[CompareProgress | Comparison | PanelComparison]:
    """Compare two songs. Yield progress and at last the comparison.

    A judge's model answers if `models` has one, else a preference head. Raises AudioError, whose message names the
    song, Busy, PreferenceError, UnknownJudge and WeightsError.
    """
    yield from _by_panel(request, load, models) if request.judge == PANEL else _by_judge(request, load, models)


def _by_judge(request: CompareRequest, load: Load, models: Models) -> Iterator[CompareProgress | Comparison]:
    judge = yield from _load(request.judge, load)
    head = head_files.load(judge.name)  # before a song is scored, so that a broken head is reported at once
    weighed = None
    reports = yield from _score(request, judge)
    if answer := compare_by_model(head, reports, models, request.one_maker):
        yield answer
        return
    if head.judge != judge.name:
        weighed = yield from _score(request, (yield from _load(head.judge, load)))
    yield compare_reports(head, reports, weighed, request.one_maker)


def _load(name: str, load: Load) -> Generator[CompareProgress, None, Judge]:
    step: LoadProgress | Judge
    for step in load(name):
        if isinstance(step, LoadProgress):
            yield CompareProgress(None, step)
    assert not isinstance(step, LoadProgress)
    return step


def _score(request: CompareRequest, judge: Judge) -> Generator[CompareProgress, None, tuple[Report, Report]]:
    """Return the judge's reports on both songs."""
    reports: dict[Path, Report] = {}
    for song in dict.fromkeys((request.a, request.b)):
        known = request.known.get((judge.name, song))
        reports[song] = known if isinstance(known, Report) else (yield from _score_song(request, judge, song))
    return reports[request.a], reports[request.b]


def _score_song(request: CompareRequest, judge: Judge, song: Path) -> Generator[CompareProgress, None, Report]:
    side = request.side(song)
    yield CompareProgress(side)
    with _naming(side):
        for progress in judge.score(song):
            complete = {(judge.name, song): progress.report} if progress.done and progress.report else {}
            yield CompareProgress(side, progress, known=complete)
    assert progress.report is not None
    return progress.report


def _by_panel(request: CompareRequest, load: Load, models: Models) -> Iterator[CompareProgress | PanelComparison]:
    songs = [song for song in dict.fromkeys((request.a, request.b)) if (PANEL, song) not in request.known]
    waveforms = []
    for song in songs:
        yield CompareProgress(request.side(song))
        with _naming(request.side(song)):
            waveforms.append((load_song(song), song.name))
    for step in score_songs(REGISTRY if songs else (), load, *waveforms):
        if step.current is not None:
            yield CompareProgress(request.side(songs[step.song]), step.current, step.left)
    new = {(PANEL, song): panel for song, panel in zip(songs, step.panels, strict=True)}
    yield CompareProgress(None, known=new)
    panels = {**request.known, **new}
    a, b = panels[PANEL, request.a], panels[PANEL, request.b]
    assert isinstance(a, Panel)
    assert isinstance(b, Panel)
    yield compare_panels(a, b, models, request.one_maker)


@contextmanager
def _naming(side: Side) -> Iterator[None]:
    """Add the name of the side to the message of an AudioError."""
    try:
        yield
    except AudioError as error:
        raise type(error)("{song}: {reason}", song=SIDE_NAMES[side], reason=error) from error
