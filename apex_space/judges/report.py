"""A judge's report on a song, as a frozen record that can be written as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..audio.streaming import turned_down
from ..core.axes import AXES, Axis

if TYPE_CHECKING:  # the command line needs reports before it needs numpy
    from ..audio.features import AudioFeatures
    from ..models.hub import Weights
    from .passages import Passages
    from .windows import Windows

LEVEL = 0.8
"""Share of the songs that a judge had not been trained on whose true score was within the interval."""
DIGITS = 5
"""Number of significant digits of numbers in files for others. More would mean nothing."""
UNITS = {
    "duration": "s",
    "seconds": "s",
    "start": "s",
    "end": "s",
    "step": "s",
    "tempo": "BPM",
    "other_tempo": "BPM",
    "loudness": "LUFS",
    "loudness_range": "LU",
    "short_term": "LUFS",
    "turned_down": "dB",
    "peak": "dBFS",
    "true_peak": "dBTP",
    "width": "share of energy",
    "clipped": "share of samples",
    "bandwidth": "Hz",
    "rate": "Hz",
}
"""Units of the numbers in a report's plain form, other than scores."""
Scores = Mapping[str, float | None]
"""A score for each key of the axes' table, or None if the judge does not predict that axis."""


@dataclass(frozen=True)
class Segment:
    """Scores of one segment of the song, from `start` to `end` in seconds.

    `counts` is false if the segment does not count in the song's scores, for example because it is too short. `lift` is
    by how much the song's scores are higher than they were without the segment; it is empty if no two segments count.
    """

    start: float
    end: float
    scores: Scores
    counts: bool = True
    lift: Mapping[str, float] = field(default_factory=dict)


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
    the decoded samples. `version` is the version of this program, and `made` when it made the report (UTC, ISO 8601);
    both are empty in reports that were stored before reports had them. `prompt` is what the song was scored for, if the
    judge heard a prompt. `windows` are the scores of every 30 s, if the judge can tell them.
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
    version: str = ""
    made: str = field(default="", compare=False)
    prompt: str = ""
    windows: "Windows | None" = None

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that this judge predicts or gives a reason for. Other axes do not concern this judge."""
        return tuple(axis for axis in AXES if self.scores[axis.key] is not None or axis.key in self.missing)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Return the interval of each score whose spread is known, within the axis' scale."""
        known = {axis: score for axis in self.axes if (score := self.scores[axis.key]) is not None}
        return {
            axis.key: (max(axis.low, score - spread), min(axis.high, score + spread))
            for axis, score in known.items()
            if (spread := self.spread.get(axis.key)) is not None
        }

    @cached_property
    def passages(self) -> "Mapping[str, Passages]":
        """Return the best and the weakest passage by each score that is known for every 30 s."""
        from .passages import SongPassages

        return SongPassages(self.windows)

    def as_record(self) -> dict[str, Any]:
        """Return plain values of all fields. A segment's scores are beside its start and end."""
        segments = [
            {"start": s.start, "end": s.end, "counts": s.counts, **s.scores, "lift": dict(s.lift)}
            for s in self.segments
        ]
        features = asdict(self.features) | {"short_term": list(self.features.short_term)}
        weights = [asdict(each) for each in self.weights]
        windows = self.windows and self.windows.as_dict()
        return asdict(self) | {"segments": segments, "features": features, "weights": weights, "windows": windows}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the record, and the intervals, ranges and units that explain it.

        `turned_down` says by how much each streaming service plays the song quieter. `passages` are the best and the
        weakest 30 s by each score. `percentile` says where the scores are among those of reference songs; it is None if
        the judge has none. `together` says how popularity and aesthetics go together there; it is None if they are too
        few to tell. Raises SettingsError.
        """
        from .reference_songs import reference_songs  # it needs reports
        from .together import together

        among = reference_songs(self)
        shared = among and together(self, among)
        scales = {axis.key: axis.scale for axis in self.axes}
        intervals = {key: {"level": LEVEL, "low": low, "high": high} for key, (low, high) in self.intervals.items()}
        quieter = turned_down(self.features.played_loudness)
        return self.as_record() | {
            "turned_down": quieter,
            "passages": {axis: each.as_dict() for axis, each in self.passages.items()},
            "intervals": intervals,
            "percentile": among and among.as_dict(self),
            "together": shared and shared.as_dict(),
            "scales": scales,
            "units": UNITS,
        }


def error_of_difference(one: Report, other: Report, axis: str) -> float | None:
    """Return the half-width of the interval of the difference of two songs' scores; None if an error is not known.

    The errors of two songs are assumed to be independent: the square of the error of their difference is the sum of the
    squares of both errors.
    """
    errors = one.spread.get(axis), other.spread.get(axis)
    return None if None in errors else math.hypot(*(error for error in errors if error is not None))


def rounded(value: Any) -> Any:
    """Return plain values with every number rounded to DIGITS significant digits, as files for others have them."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: rounded(part) for name, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list | tuple) else value


def to_json(value: Any) -> str:
    """Return plain values as JSON for others, with rounded numbers."""
    return json.dumps(rounded(value), indent=1, ensure_ascii=False, allow_nan=False)
