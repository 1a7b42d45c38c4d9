"""The best and the weakest passage of a song, and whether they differ from the rest of it by more than noise.

The noise is that of the song itself. Windows whose starts are a step apart share all but a step of their sound, so
their scores differ by what comes and goes within a step. If that came and went by chance, without any order, the score
of a whole window would deviate by the root mean square of these differences times sqrt(steps in a window / 2). A
passage differs if it is further from the rest of the song than the furthest of all its windows would then be in 95% of
songs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from .windows import Windows

ALARMS = 0.05
"""Share of songs without any order in which a passage is said to differ."""


@dataclass(frozen=True)
class Passage:
    """A passage from `start` to `end` seconds, and its score.

    `rest` is the mean score of the windows that share no sound with it, and `noise` how far the passage would be from
    it at most in 95% of songs whose passages differ by chance. Both are None if the song is too short to tell.
    """

    start: float
    end: float
    score: float
    rest: float | None
    noise: float | None

    @property
    def differs(self) -> bool | None:
        """Return whether the passage differs from the rest by more than noise, or None if that is not known."""
        return None if self.rest is None or self.noise is None else abs(self.score - self.rest) > self.noise

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"differs": self.differs}


@dataclass(frozen=True)
class Passages:
    """The passages with the highest and the lowest score."""

    best: Passage
    weakest: Passage

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"best": self.best.as_dict(), "weakest": self.weakest.as_dict()}


class SongPassages(Mapping[str, Passages]):
    """The passages by each score that `windows` have, {axis: Passages}. Each is found when it is first asked for."""

    def __init__(self, windows: Windows | None) -> None:
        self._windows, self._found = windows, dict[str, Passages]()

    def __getitem__(self, axis: str) -> Passages:
        if axis not in self._found:
            if self._windows is None:
                raise KeyError(axis)
            self._found[axis] = passages(self._windows, self._windows.scores[axis])
        return self._found[axis]

    def __iter__(self) -> Iterator[str]:
        return iter(self._windows.scores if self._windows else ())

    def __len__(self) -> int:
        return len(self._windows.scores) if self._windows else 0


def passages(windows: Windows, scores: Sequence[float]) -> Passages:
    """Return the passages with the highest and the lowest of `scores` [W], which `windows` have."""
    values = np.array(scores)
    return Passages(*(_passage(windows, values, int(at)) for at in (values.argmax(), values.argmin())))


def _passage(windows: Windows, scores: np.ndarray, at: int) -> Passage:
    start, each = at * windows.step, round(windows.seconds / windows.step)
    apart = scores[np.abs(np.arange(len(scores)) - at) >= each]
    rest, noise = (float(apart.mean()), _noise(scores, each, len(apart))) if len(apart) >= each else (None, None)
    return Passage(start, start + windows.seconds, float(scores[at]), rest, noise)


def _noise(scores: np.ndarray, each: int, apart: int) -> float:
    """Return how far from the mean of `apart` windows the furthest of all windows is by chance."""
    deviation = math.sqrt(each / 2 * np.square(np.diff(scores)).mean())
    independent = (apart + each - 1) / each
    return NormalDist().inv_cdf(1 - ALARMS / 2 / len(scores)) * deviation * math.sqrt(1 + 1 / independent)
