"""Predicts P(A is preferred) from two reports, by a small model that was fitted on people's choices.

P = sigmoid(sum of c_k (a_k - b_k) / s_k) over the axes k. There is no constant term, so swapping the songs swaps the
answer, and two equal songs get 0.5. P is the chance that a listener who picks one of the songs picks A. A head's file
also holds its measured accuracy, and how good the generators were that made the songs. Their effects are no part of
this P; what learns from votes begins with them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import FiniteFloat, NonNegativeFloat, PositiveInt, TypeAdapter, ValidationError

from ..core.axes import KEYS
from ..core.errors import PreferenceError
from ..core.intervals import Z95, ConfidenceInterval
from ..judges.judge import Judge
from ..judges.report import Report, Scores
from .calibration import CalibrationBin, Interval

MAX_GENERATORS = 100
"""Maximum number of generators with an effect: those with the most votes. Others are as if their names were unknown."""
MAX_NAME = 200
"""Maximum length of a generator's name in a head, in characters."""
MIN_SCALE, MAX_SCALE = 1e-6, 1e6
MAX_EFFECT, MAX_VARIANCE = 100.0, 1e4
"""Bounds of a head's numbers, far from those of any fit: whatever scores a head gets, nothing overflows."""
MAX_COUNT = 10**9


@dataclass(frozen=True)
class Preference:
    """A prediction: P(A is preferred) and its 95% interval, which reflects the uncertainty of the coefficients.

    `contributions` are the axes' parts of the log-odds. A positive part favours A.
    """

    probability: float
    low: float
    high: float
    contributions: Mapping[str, float]

    @property
    def verdict(self) -> Literal["a", "b", "close"]:
        """Return the side that is preferred, or "close" if the interval contains 0.5."""
        return "close" if self.low <= 0.5 <= self.high else self.favourite

    @property
    def favourite(self) -> Literal["a", "b"]:
        """Return the side with the higher chance to be preferred, or "a" if both chances are equal."""
        return "a" if self.probability >= 0.5 else "b"

    @property
    def chance(self) -> ConfidenceInterval:
        """Return the chance that the favourite is preferred, with its 95% interval."""
        if self.favourite == "a":
            return ConfidenceInterval(self.probability, self.low, self.high)
        return ConfidenceInterval(1 - self.probability, 1 - self.high, 1 - self.low)


@dataclass(frozen=True)
class Foresight:
    """How well winners were foreseen. The log-loss of a coin is 0.693."""

    accuracy: Interval
    log_loss: Interval


@dataclass(frozen=True)
class GeneratorEffect:
    """How much more the log-odds of a generator's songs are than their scores say, and its standard deviation."""

    generator: str
    mean: FiniteFloat
    deviation: NonNegativeFloat


@dataclass(frozen=True)
class Metrics:
    """How good a head is on battles between songs it was not fitted on.

    `brier` is 0.25 if every prediction is 0.5. `slope` is 1 if predictions are as confident as they should be, less
    than 1 if they are too confident, and more than 1 if they are not confident enough. `rules` is the accuracy of "the
    higher score wins" by axis, on the same battles. `gain` is the head's accuracy minus that of the rule for the axis
    `against`; `auc_gain` is the same for the AUC. `resampled` says what was resampled for the intervals.

    All these are of the scores alone, as for songs of unknown origin. `with_generators` is of scores and generators
    together, and `generators_alone` of a model without scores; both are None if no generator is known. `always_b` is
    the accuracy of always naming B; it is None if the sides say nothing. Heads of version 0.1.0 lack these figures.
    """

    accuracy: Interval
    auc: Interval
    brier: Interval
    slope: Interval
    calibration: tuple[CalibrationBin, ...]
    rules: Mapping[str, Interval]
    against: str
    gain: Interval
    auc_gain: Interval
    resampled: str
    log_loss: Interval | None = None
    always_b: Interval | None = None
    with_generators: Foresight | None = None
    generators_alone: Foresight | None = None


@dataclass(frozen=True)
class PreferenceHead:
    """Predicts P(A is preferred) from score differences; fitted for one judge at the `revision` of its weights.

    `scale` [A] is the root mean square of the score differences that the head was fitted on. `covariance` [A, A] is the
    covariance of the `coefficients` [A]. `data` describes what the head was fitted on: a number of `battles` with a
    winner, between a number of `songs`. `generators` has the effects of those that made the songs.
    `source` is the repository on the Hub that the head was loaded from, and its revision.
    """

    judge: str
    revision: str
    axes: tuple[str, ...]
    scale: tuple[FiniteFloat, ...]
    coefficients: tuple[FiniteFloat, ...]
    covariance: tuple[tuple[FiniteFloat, ...], ...]
    data: str
    battles: PositiveInt
    songs: PositiveInt
    metrics: Metrics
    generators: tuple[GeneratorEffect, ...] = ()
    source: str = ""

    def __call__(self, a: Report, b: Report) -> Preference:
        """Predict from two reports. Raises PreferenceError if a report lacks an axis that the head uses."""
        return self.of_scores(a.scores, b.scores)

    def of_scores(self, a: Scores, b: Scores) -> Preference:
        """Predict from two songs' scores by axis. Raises PreferenceError if a song lacks a score that the head uses."""
        differences = score_differences(self.judge, self.axes, a, b)
        steps = [step / scale for step, scale in zip(differences, self.scale, strict=True)]
        parts = [c * x for c, x in zip(self.coefficients, steps, strict=True)]
        log_odds = math.fsum(parts)
        variance = math.fsum(
            x * v * y for x, row in zip(steps, self.covariance, strict=True) for y, v in zip(steps, row, strict=True)
        )
        margin = Z95 * math.sqrt(max(0.0, variance))
        return Preference(
            probability=_probability(log_odds),
            low=_probability(log_odds - margin),
            high=_probability(log_odds + margin),
            contributions=dict(zip(self.axes, parts, strict=True)),
        )

    @cached_property
    def revision_id(self) -> str:
        """Return twelve hexadecimal digits that change with anything in the head."""
        return hashlib.sha256(replace(self, source="").to_json().encode()).hexdigest()[:12]

    @staticmethod
    def from_json(text: str) -> "PreferenceHead":
        """Return the head that `to_json` wrote.

        Raises ValueError or RecursionError if `text` is not a head.
        """
        try:
            head = TypeAdapter(PreferenceHead).validate_python(json.loads(text))
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        _check(head)
        _check_texts(head)
        return replace(head, source="")

    def to_json(self, **more: Any) -> str:
        """Return the content of the head's file, with numbers to six digits and intervals to four.

        `more` is added for people and is not read back.
        """
        plain = asdict(self) | more
        if not self.source:
            del plain["source"]
        return json.dumps(_plain(plain), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def score_differences(judge: str, axes: Sequence[str], a: Scores, b: Scores) -> list[float]:
    """Return A's scores minus B's by axis. Raises PreferenceError if a song lacks one of these scores of the judge."""
    pairs = [(a.get(axis), b.get(axis)) for axis in axes]
    lacking = [axis for axis, pair in zip(axes, pairs, strict=True) if not all(map(_known, pair))]
    if lacking:
        raise PreferenceError(
            "The preference head of {judge} weighs {axes}, which a report does not have. Compare two complete "
            "reports of {same_judge}.",
            judge=judge,
            axes=", ".join(lacking),
            same_judge=judge,
        )
    return [float(x) - float(y) for x, y in pairs if x is not None and y is not None]


def _known(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def _probability(log_odds: float) -> float:
    """Return the sigmoid of the log-odds. The results for x and -x add up to exactly 1."""
    favourite = 1 / (1 + math.exp(-abs(log_odds)))
    return favourite if log_odds >= 0 else 1 - favourite


def revision_of(source: Report | Judge) -> str:
    """Return the weights of a judge, or the weights that a report came from, as one text."""
    return "; ".join(map(str, source.weights))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {"value", "low", "high"}:
            return [float(f"{value[key]:.4g}") for key in ("value", "low", "high")]
        return {key: _plain(part) for key, part in value.items() if part not in (None, ())}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _check(head: PreferenceHead) -> None:
    """Raise ValueError if the parts contradict each other."""
    size = len(head.axes)
    if not size or len(set(head.axes)) < size or not set(head.axes) <= set(KEYS):
        raise ValueError(f"axes must be different ones of {', '.join(KEYS)}")
    if not len(head.scale) == len(head.coefficients) == len(head.covariance) == size:
        raise ValueError(f"scale, coefficients and covariance must have one entry for each of the {size} axes")
    _check_bounds(head)
    covariance = np.array(head.covariance)
    if covariance.shape != (size, size) or not np.allclose(covariance, covariance.T, rtol=1e-4):
        raise ValueError("covariance must be square and symmetric")
    if np.linalg.eigvalsh(covariance).min() < -1e-4 * np.trace(np.abs(covariance)):
        raise ValueError("covariance must have no negative eigenvalue")
    names = [effect.generator for effect in head.generators]
    if len(names) > MAX_GENERATORS or len(set(names)) < len(names):
        raise ValueError(f"generators must be at most {MAX_GENERATORS} different ones")
    if not all(0 < len(name) <= MAX_NAME for name in names):
        raise ValueError(f"a generator's name must have 1 to {MAX_NAME} characters")


def _check_bounds(head: PreferenceHead) -> None:
    """Raise ValueError if a number is out of bounds."""
    if not MIN_SCALE <= min(head.scale) <= max(head.scale) <= MAX_SCALE:
        raise ValueError(f"scale must be from {MIN_SCALE:g} to {MAX_SCALE:g}")
    effects = *head.coefficients, *(x for each in head.generators for x in (each.mean, each.deviation))
    if max(map(abs, effects)) > MAX_EFFECT:
        raise ValueError(f"coefficients and generators' effects must be from -{MAX_EFFECT:g} to {MAX_EFFECT:g}")
    if max(abs(entry) for row in head.covariance for entry in row) > MAX_VARIANCE:
        raise ValueError(f"covariance must have no entry above {MAX_VARIANCE:g}")
    if max(head.battles, head.songs) > MAX_COUNT:
        raise ValueError(f"battles and songs must be at most {MAX_COUNT}")
    shares = [head.metrics.accuracy, head.metrics.auc, head.metrics.brier, *head.metrics.rules.values()]
    if not all(0 <= figure.low <= figure.high <= 1 for figure in shares):
        raise ValueError("accuracy, auc, brier and rules must be shares with an interval")


def _check_texts(head: PreferenceHead) -> None:
    """Raise ValueError if the head cannot be written, or a database cannot store one of its texts."""
    written = head.to_json()  # raises ValueError for a number that is not finite
    written.encode()  # raises UnicodeEncodeError, which is a ValueError, for a lone surrogate
    if r"\u0000" in written:
        raise ValueError("texts must hold no NUL")
