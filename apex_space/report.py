"""What a judge says of a song, as a frozen record, and its two written forms: JSON and CSV."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .axes import AXES, KEYS, Axis

LONGEST_NAME = 255
JOINERS = "\u200c\u200d"
"""Without width, but some scripts and emoji are written with them."""
Scores = Mapping[str, float | None]
"""One entry for each key of the axes' table; None where the judge does not predict that axis."""


@dataclass(frozen=True)
class Weights:
    """Where a judge's numbers came from: a repository (or folder) and its revision (or content hash)."""

    repository: str
    revision: str


@dataclass(frozen=True)
class Segment:
    """Scores of one stretch of the song, `start` to `end` in seconds."""

    start: float
    end: float
    scores: Scores


@dataclass(frozen=True)
class Measured:
    """What was measured rather than predicted.

    tempo in beats per minute, key as "A minor", loudness in LUFS (ITU-R BS.1770), peak in dBFS over all
    channels, clipped as the share of samples (0..1) that sit in flat tops at full scale, bandwidth in Hz.
    None where the song gives no answer (no beat, no pitch, too short).
    """

    tempo: float | None
    key: str | None
    loudness: float | None
    peak: float
    clipped: float
    bandwidth: float
    rate: int
    channels: int


@dataclass(frozen=True)
class Failure:
    """A file that could not be scored, and why."""

    file: str
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """One song by one judge.

    `missing` gives the reason where a score of the judge's kind is None. `spread` is the half-width of the
    interval that held the truth for 80% of the songs the judge had not been trained on, where known.
    `duration` and `seconds` (of computing) are in seconds; `sha256` is of the decoded samples.
    """

    file: str
    judge: str
    scores: Scores
    missing: Mapping[str, str]
    spread: Mapping[str, float]
    segments: tuple[Segment, ...]
    duration: float
    measured: Measured
    weights: tuple[Weights, ...]
    precision: str
    precision_reason: str
    seconds: float
    sha256: str

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those that this judge predicts, or says why not; any other axis is none of its own."""
        return tuple(axis for axis in AXES if self.scores[axis.key] is not None or axis.key in self.missing)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON; a segment's scores stand beside its start and end."""
        plain = asdict(self)
        segments = [{"start": s.start, "end": s.end, **s.scores} for s in self.segments]
        return plain | {"segments": segments, "weights": [asdict(w) for w in self.weights]}


def to_csv(reports: Iterable[Report | Failure]) -> str:
    """One row for each song, then one for each of its segments; a file that failed has only its error.

    Texts that a spreadsheet would run as a formula get an apostrophe in front; JSON has them as they are.
    """
    text = io.StringIO()
    columns = ["file", "judge", "part", "start", "end", *KEYS, "error"]
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for report in reports:
        writer.writerows(_rows(report))
    return text.getvalue()


def _rows(report: Report | Failure) -> Iterator[dict[str, Any]]:
    if isinstance(report, Failure):
        yield {"file": inert(report.file), "error": inert(report.error)}
        return
    same = {"file": inert(report.file), "judge": report.judge}
    yield same | {"part": "song", "start": 0.0, "end": report.duration} | dict(report.scores)
    for segment in report.segments:
        yield same | {"part": "segment", "start": segment.start, "end": segment.end} | dict(segment.scores)


def inert(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def shown(text: str, longest: int = LONGEST_NAME) -> str:
    """A text from outside as one line of visible characters, shortened: nothing in it steers a terminal or turns the
    direction of writing."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    visible = "".join(c for c in spaced if c in JOINERS or not unicodedata.category(c).startswith("C"))
    return visible if len(visible) <= longest else f"{visible[: longest - 1]}…"
