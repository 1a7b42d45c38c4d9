"""Two songs, or two reports on them -> a comparison: which one people would prefer."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..audio.waveform import Waveform
from ..judges.judge import Judge
from ..judges.loading import load_judge
from ..judges.report import Report
from .head import Preference, PreferenceHead, revision_of
from .head_files import load

Side = Literal["a", "b"]


@dataclass(frozen=True)
class Comparison:
    """Two songs by the `judge` that was asked, and the answer of the preference `head`.

    `outdated`: the head was fitted on other weights of its judge than those that scored these songs.
    """

    a: Report
    b: Report
    judge: str
    head: PreferenceHead
    answer: Preference
    outdated: bool

    @property
    def fallback(self) -> bool:
        """The judge has no head of its own; the answer is through `head.judge`, which heard both songs as well."""
        return self.head.judge != self.judge


@dataclass(frozen=True)
class ComparisonProgress:
    """On the way to a comparison: the report so far on one of the songs."""

    side: Side
    report: Report


SongInput = str | Path | Waveform


def steps(
    judge: Judge,
    a: SongInput,
    b: SongInput,
    get: Callable[[str], Judge] = load_judge,
    names: tuple[str | None, str | None] = (None, None),
) -> Iterator[ComparisonProgress | Comparison]:
    """Compare two songs, shown in the reports under `names`: what was heard so far, and at last the Comparison.

    `get` gives the judge whose head answers where `judge` has none. Raises AudioError and PreferenceError.
    """
    head = load(judge.name)
    through = judge if head.judge == judge.name else get(head.judge)
    report_a, weighed_a = yield from _hear("a", judge, through, a, names[0])
    report_b, weighed_b = yield from _hear("b", judge, through, b, names[1])
    outdated = revision_of(through) != head.revision
    yield Comparison(report_a, report_b, judge.name, head, head(weighed_a, weighed_b), outdated)


def _hear(
    side: Side, judge: Judge, through: Judge, song: SongInput, name: str | None
) -> Generator[ComparisonProgress, None, tuple[Report, Report]]:
    """The judge's report on a song, and that of the judge whose head answers."""
    for report in judge.steps(song, name):
        yield ComparisonProgress(side, report)
    return report, report if through is judge else through(song, name=name)


def compare(
    judge: Judge,
    a: SongInput,
    b: SongInput,
    get: Callable[[str], Judge] = load_judge,
    names: tuple[str | None, str | None] = (None, None),
    on_progress: Callable[[ComparisonProgress], object] | None = None,
) -> Comparison:
    """`steps` to the end; `on_progress` gets each report on the way."""
    for step in steps(judge, a, b, get, names):
        if isinstance(step, ComparisonProgress) and on_progress is not None:
            on_progress(step)
    assert isinstance(step, Comparison)
    return step
