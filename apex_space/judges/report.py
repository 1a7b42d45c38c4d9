"""What a judge says of a song, as a frozen record, and its two written forms: JSON and CSV."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..audio.features import AudioFeatures
from ..core.axes import AXES, Axis
from ..models.hub import Weights

Scores = Mapping[str, float | None]
"""One entry for each key of the axes' table; None where the judge does not predict that axis."""


@dataclass(frozen=True)
class Segment:
    """Scores of one stretch of the song, `start` to `end` in seconds."""

    start: float
    end: float
    scores: Scores


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
    features: AudioFeatures
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
