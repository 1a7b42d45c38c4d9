"""Two reports -> P(A is preferred), by a small model that was learned from people's choices and carries its accuracy.

P = sigmoid(sum of c_k (a_k - b_k) / s_k) over the axes k: without a constant, so that swapping the songs swaps the
answer and the same song twice is a half. It is the chance that A is the one picked by a listener who picks one.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .audio import Waveform
from .axes import KEYS
from .errors import PreferenceError, UnknownJudge
from .estimates import Estimate
from .files import replacing
from .judges import DEFAULT, REGISTRY, Judge, load_judge
from .report import Report, Scores
from .settings import settings

SHIPPED = Path(__file__).with_name("preferences")
Z95 = 1.959964
"""Half-width of a normal variable's 95% interval, in standard deviations."""
Side = Literal["a", "b"]


@dataclass(frozen=True)
class Preference:
    """An answer: P(A is preferred) and its 95% interval, which holds what is uncertain in the coefficients.

    `contributions` are the axes' parts of the log-odds; a positive one speaks for A.
    """

    probability: float
    low: float
    high: float
    contributions: Mapping[str, float]

    @property
    def verdict(self) -> Literal["a", "b", "close"]:
        """Who is preferred; "close" where the interval holds a half."""
        if self.low <= 0.5 <= self.high:
            return "close"
        return "a" if self.probability > 0.5 else "b"


FAVOURITE = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1.0)
"""Edges of the bins of calibration: the predicted chance of the song that is favoured."""


@dataclass(frozen=True)
class Bin:
    """Of the battles foreseen with `low` to `high` for the favourite: the mean forecast, and how many it did win.

    `share` is that of all held-out battles.
    """

    low: float
    high: float
    share: float
    foreseen: float
    won: Estimate


def calibration(favourite: np.ndarray, won: Callable[[np.ndarray], Estimate]) -> tuple[Bin, ...]:
    """The bins that hold any of the forecasts `favourite` [N], each at least a half; `won` is asked with a bin's rows
    [N] of bool."""
    place = np.clip(np.searchsorted(FAVOURITE, favourite, "right") - 1, 0, len(FAVOURITE) - 2)
    rows = [(edges, place == i) for i, edges in enumerate(pairwise(FAVOURITE))]
    return tuple(
        Bin(*edges, float(here.mean()), float(favourite[here].mean()), won(here)) for edges, here in rows if here.any()
    )


@dataclass(frozen=True)
class Metrics:
    """How good a head is on battles between songs it was not fitted on.

    `brier` is 0.25 for a constant half; `slope` is 1 where forecasts are neither too bold (less) nor too timid (more).
    `rules` is the accuracy of "the higher score wins" by axis on the same battles; `gain` is by how much the head's
    accuracy exceeds that of the axis `against`, `auc_gain` likewise. `resampled` tells what the intervals are from.
    """

    accuracy: Estimate
    auc: Estimate
    brier: Estimate
    slope: Estimate
    calibration: tuple[Bin, ...]
    rules: Mapping[str, Estimate]
    against: str
    gain: Estimate
    auc_gain: Estimate
    resampled: str


@dataclass(frozen=True)
class Head:
    """Score differences -> P(A is preferred), fitted for one judge at the `revision` of its weights.

    `scale` [A] is the root mean square of the score differences it was fitted on, `covariance` [A, A] that of the
    `coefficients` [A] over resampled songs. `data` says what it was fitted on: `battles` with a winner, between
    `songs`.
    """

    judge: str
    revision: str
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    data: str
    battles: int
    songs: int
    metrics: Metrics

    def __call__(self, a: Report, b: Report) -> Preference:
        """Raises PreferenceError where a report lacks an axis that the head weighs."""
        return self.of_scores(a.scores, b.scores)

    def of_scores(self, a: Scores, b: Scores) -> Preference:
        """The same from two songs' scores by axis."""
        steps = [step / scale for step, scale in zip(self._differences(a, b), self.scale, strict=True)]
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

    def _differences(self, a: Scores, b: Scores) -> list[float]:
        pairs = [(a.get(axis), b.get(axis)) for axis in self.axes]
        lacking = [axis for axis, pair in zip(self.axes, pairs, strict=True) if not all(map(_known, pair))]
        if lacking:
            raise PreferenceError(
                f"The preference head of {self.judge} weighs {', '.join(lacking)}, which a report does not have. "
                f"Compare two complete reports of {self.judge}."
            )
        return [float(x) - float(y) for x, y in pairs if x is not None and y is not None]

    @cached_property
    def revision_id(self) -> str:
        """Twelve hexadecimal digits that change with anything the head says."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @staticmethod
    def from_json(text: str) -> "Head":
        """Raises KeyError, TypeError, ValueError, AttributeError or RecursionError where it is not one."""
        head = _head(json.loads(text))
        _check(head)
        return head

    def to_json(self, **more: Any) -> str:
        """The file's content, numbers to six digits; `more` is added for people and not read back."""
        return json.dumps(_plain(asdict(self) | more), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _known(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def _probability(log_odds: float) -> float:
    """Sigmoid; those of x and -x add up to exactly 1."""
    favourite = 1 / (1 + math.exp(-abs(log_odds)))
    return favourite if log_odds >= 0 else 1 - favourite


def revision_of(source: Report | Judge) -> str:
    """The weights of a judge, or that a report came from, as one text."""
    return "; ".join(f"{w.repository} ({w.revision})" for w in source.weights)


def fitted(judge: str) -> Path:
    """Where `fit-preference` writes a judge's head. Raises UnknownJudge."""
    if judge not in REGISTRY:
        raise UnknownJudge(f"There is no judge {judge!r}. The judges are: {', '.join(REGISTRY)}.")
    return settings().data / "preferences" / f"{judge}.json"


def load(judge: str) -> Head:
    """The head fitted here for a judge, else the shipped one, else pocket's, whose `judge` then tells so.

    Raises UnknownJudge and PreferenceError.
    """
    candidates = (fitted(judge), SHIPPED / f"{judge}.json", fitted(DEFAULT), SHIPPED / f"{DEFAULT}.json")
    return read(next((path for path in candidates if path.is_file()), candidates[-1]))


def read(path: Path) -> Head:
    """The head in a file written from `Head.to_json`. Raises PreferenceError."""
    try:
        return Head.from_json(path.read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error  # an OSError's text has its path, and visitors see this one
        raise PreferenceError(
            f"{path.name} is not a preference head ({type(error).__name__}: {reason}). "
            "Delete it, or fit it again with `python -m apex_space fit-preference`."
        ) from error


def check_target(path: Path) -> None:
    """Raises PreferenceError if what is there is no head: it would be overwritten."""
    try:
        if os.path.lexists(path):
            read(path)
    except PreferenceError as error:
        raise PreferenceError(f"{path} is there and no preference head. Choose another place for it.") from error


def save(head: Head, path: Path, **more: Any) -> None:
    """Write a head, with `more` for people, whole or not at all. Raises PreferenceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(head.to_json(**more), encoding="utf-8")
            part.chmod(0o644)
    except OSError as error:
        raise PreferenceError(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {"value", "low", "high"}:
            return [float(f"{value[key]:.4g}") for key in ("value", "low", "high")]
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _head(plain: Mapping[str, Any]) -> Head:
    return Head(
        judge=_text(plain["judge"]),
        revision=_text(plain["revision"]),
        axes=tuple(map(_text, plain["axes"])),
        scale=_numbers(plain["scale"]),
        coefficients=_numbers(plain["coefficients"]),
        covariance=tuple(map(_numbers, plain["covariance"])),
        data=_text(plain["data"]),
        battles=_count(plain["battles"]),
        songs=_count(plain["songs"]),
        metrics=_metrics(plain["metrics"]),
    )


def _metrics(plain: Mapping[str, Any]) -> Metrics:
    return Metrics(
        accuracy=_estimate(plain["accuracy"]),
        auc=_estimate(plain["auc"]),
        brier=_estimate(plain["brier"]),
        slope=_estimate(plain["slope"]),
        calibration=tuple(map(_bin, plain["calibration"])),
        rules={axis: _estimate(figure) for axis, figure in plain["rules"].items()},
        against=_text(plain["against"]),
        gain=_estimate(plain["gain"]),
        auc_gain=_estimate(plain["auc_gain"]),
        resampled=_text(plain["resampled"]),
    )


def _bin(plain: Mapping[str, Any]) -> Bin:
    low, high, share, foreseen = _numbers(plain[name] for name in ("low", "high", "share", "foreseen"))
    return Bin(low, high, share, foreseen, _estimate(plain["won"]))


def _check(head: Head) -> None:
    """Raises ValueError where the parts contradict each other."""
    size = len(head.axes)
    if not size or len(set(head.axes)) < size or not set(head.axes) <= set(KEYS):
        raise ValueError(f"axes must be different ones of {', '.join(KEYS)}")
    if not len(head.scale) == len(head.coefficients) == len(head.covariance) == size:
        raise ValueError(f"scale, coefficients and covariance must have one entry for each of the {size} axes")
    if min(head.scale) <= 0:
        raise ValueError("scale must be positive")
    covariance = np.array(head.covariance)
    if covariance.shape != (size, size) or not np.allclose(covariance, covariance.T, rtol=1e-4):
        raise ValueError("covariance must be square and symmetric")
    if np.linalg.eigvalsh(covariance).min() < -1e-4 * np.trace(np.abs(covariance)):
        raise ValueError("covariance must have no negative eigenvalue")
    shares = [head.metrics.accuracy, head.metrics.auc, head.metrics.brier, *head.metrics.rules.values()]
    if not all(0 <= figure.low <= figure.high <= 1 for figure in shares):
        raise ValueError("accuracy, auc, brier and rules must be shares with an interval")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise TypeError(f"{value!r} is not a number of battles or songs")
    return value


def _numbers(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number is not finite")
    return numbers


def _estimate(values: Any) -> Estimate:
    value, low, high = _numbers(values)
    return Estimate(value, low, high)


@dataclass(frozen=True)
class Comparison:
    """Two songs by the `judge` that was asked, and the answer of the preference `head`.

    `outdated`: the head was fitted on other weights of its judge than those that scored these songs.
    """

    a: Report
    b: Report
    judge: str
    head: Head
    answer: Preference
    outdated: bool

    @property
    def fallback(self) -> bool:
        """The judge has no head of its own; the answer is through `head.judge`, which heard both songs as well."""
        return self.head.judge != self.judge


@dataclass(frozen=True)
class Listening:
    """On the way to a comparison: the report so far on one of the songs."""

    side: Side
    report: Report


Audible = str | Path | Waveform


def steps(
    judge: Judge,
    a: Audible,
    b: Audible,
    get: Callable[[str], Judge] = load_judge,
    names: tuple[str | None, str | None] = (None, None),
) -> Iterator[Listening | Comparison]:
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
    side: Side, judge: Judge, through: Judge, song: Audible, name: str | None
) -> Generator[Listening, None, tuple[Report, Report]]:
    """The judge's report on a song, and that of the judge whose head answers."""
    for report in judge.steps(song, name):
        yield Listening(side, report)
    return report, report if through is judge else through(song, name=name)


def compare(
    judge: Judge,
    a: Audible,
    b: Audible,
    get: Callable[[str], Judge] = load_judge,
    names: tuple[str | None, str | None] = (None, None),
    on_progress: Callable[[Listening], object] | None = None,
) -> Comparison:
    """`steps` to the end; `on_progress` gets each report on the way."""
    for step in steps(judge, a, b, get, names):
        if isinstance(step, Listening) and on_progress is not None:
            on_progress(step)
    assert isinstance(step, Comparison)
    return step
