"""A judge's report on a song, as a frozen record that can be written as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..core.axes import AXES, Axis

if TYPE_CHECKING:  # the command line needs reports before it needs numpy
    from ..audio.features import AudioFeatures
    from ..models.hub import Weights

Scores = Mapping[str, float | None]
"""A score for each key of the axes' table, or None if the judge does not predict that axis."""


@dataclass(frozen=True)
class Segment:
    """Scores of one segment of the song, from `start` to `end` in seconds.

    `counts` is false if the segment does not count in the song's scores, for example because it is too short.
    """

    start: float
    end: float
    scores: Scores
    counts: bool = True


@dataclass(frozen=True)
class Failure:
    """A file that could not be scored, and why."""

    file: str
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """A report on one song by one judge.

    `missing` gives the reason if a score that the judge can predict in principle is None. `spread` is the half-width of
    the interval that held the truth for 80% of the songs that the judge had not been trained on, if it is known.
    `duration` is the length of the song and `seconds` the time of computing, both in seconds. `sha256` is the hash of
    the decoded samples.
    """

    file: str
    judge: str
    scores: Scores
    missing: Mapping[str, str]
    spread: Mapping[str, float]
    segments: tuple[Segment, ...]
    duration: float
    features: "AudioFeatures"
    weights: "tuple[Weights, ...]"
    precision: str
    precision_reason: str
    seconds: float
    sha256: str

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that this judge predicts or gives a reason for. Other axes do not concern this judge."""
        return tuple(axis for axis in AXES if self.scores[axis.key] is not None or axis.key in self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON. A segment's scores are beside its start and end."""
        plain = asdict(self)
        segments = [{"start": s.start, "end": s.end, "counts": s.counts, **s.scores} for s in self.segments]
        return plain | {"segments": segments, "weights": [asdict(w) for w in self.weights]}
