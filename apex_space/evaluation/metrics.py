"""Computes the ASAE Challenge's metrics and scores, with intervals from resampling songs.

Formulas: aslp-lab.github.io/Automatic-Song-Aesthetics-Evaluation-Challenge, "Evaluation" and "Detailed Analysis".
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

import numpy as np

from ..core.intervals import ConfidenceInterval, bootstrap_counts, interval

TOP_TIER = {"coherence": 4.0, "musicality": 4.0, "memorability": 3.75, "clarity": 3.75, "naturalness": 4.0}
"""Dimension -> the least rating of a song in the top tier."""
DIMENSIONS, MEAN = tuple(TOP_TIER), "mean"
UTTERANCE, SYSTEM = LEVELS = ("utterance", "system")
"""Levels of the metrics: UTTERANCE compares single songs, SYSTEM compares the means of each system's songs."""
TRACKS = {"track 1": "musicality", "track 2": MEAN}
"""Track -> the dimension whose metrics make up its score."""
SETS = ("1", "2")
"""Names of track 1's two sets of songs."""

Key = tuple[str, str, str]
"""Key of a figure: level, dimension and metric; or SCORE, track and an empty string."""
SCORE = "score"
Table = Mapping[str, Mapping[str, ConfidenceInterval]]
"""Figures of one level: dimension -> metric -> figure."""


def lcc(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the linear correlation (Pearson) of two arrays [S], or 0 if one is constant or holds NaN."""
    return _correlation(_pearson, truth, predicted)


def srcc(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the rank correlation (Spearman) of two arrays [S], or 0 if one is constant or holds NaN."""
    return _correlation(_spearman, truth, predicted)


def ktau(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the rank correlation (Kendall's tau-b) of two arrays [S], or 0 if one is constant or holds NaN."""
    return _correlation(_kendall, truth, predicted)


CORRELATIONS = {"LCC": lcc, "SRCC": srcc, "KTAU": ktau}
TTA = "TTA"
METRICS = (*CORRELATIONS, TTA)


def tta(truth: np.ndarray, predicted: np.ndarray, least: float) -> float:
    """Return top tier "accuracy": the F1 score of `predicted` [S] >= `least` as a guess of `truth` [S] >= `least`."""
    top, found = truth >= least, predicted >= least
    named = top.sum() + found.sum()
    return float(2 * (top & found).sum() / named) if named else 0.0


def _correlation(of: Callable[[np.ndarray], float], truth: np.ndarray, predicted: np.ndarray) -> float:
    both = np.stack([truth, predicted]).astype(float)
    if not np.isfinite(both).all() or (both == both[:, :1]).all(1).any():
        return 0.0
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # for nearly constant values
        value = float(of(both))
    return value if np.isfinite(value) else 0.0


def _pearson(both: np.ndarray) -> float:
    return np.corrcoef(both)[0, 1]


def _spearman(both: np.ndarray) -> float:
    from scipy.stats import rankdata

    return _pearson(rankdata(both, axis=1))


def _kendall(both: np.ndarray) -> float:
    from scipy.stats import kendalltau

    return kendalltau(*both).statistic


def score(utterance: Mapping[str, float], system: Mapping[str, float]) -> float:
    """Return the challenge's score of a set of songs, from one dimension's metrics at both levels."""
    return fmean([*(fmean([utterance[metric], system[metric]]) for metric in CORRELATIONS), utterance[TTA]])


Score = TypeVar("Score", float, np.ndarray)


def total(one: Score, two: Score) -> Score:
    """Return track 1's score over its two sets."""
    return 0.2 * one + 0.8 * two


@dataclass(frozen=True)
class Rated:
    """Songs with ratings and predictions: `truth` and `predicted` have the same dimensions -> [S] each.

    `systems` [S] names the system that made each song, if known.
    """

    truth: Mapping[str, np.ndarray]
    predicted: Mapping[str, np.ndarray]
    systems: np.ndarray | None

    def __len__(self) -> int:
        return len(next(iter(self.truth.values())))


def figures(rated: Rated, rows: np.ndarray) -> dict[Key, float]:
    """Compute every metric and score that the songs `rows` [N] allow.

    Means and track 2 need all five dimensions. Scores need the systems.
    """
    found: dict[Key, float] = {}
    for dimension in rated.truth:
        truth, predicted = rated.truth[dimension][rows], rated.predicted[dimension][rows]
        for metric, correlation in CORRELATIONS.items():
            found[UTTERANCE, dimension, metric] = correlation(truth, predicted)
        found[UTTERANCE, dimension, TTA] = tta(truth, predicted, TOP_TIER[dimension])
        if rated.systems is not None:
            truth, predicted = (_means(values, rated.systems[rows]) for values in (truth, predicted))
            for metric, correlation in CORRELATIONS.items():
                found[SYSTEM, dimension, metric] = correlation(truth, predicted)
    if rated.truth.keys() == set(DIMENSIONS):
        for level, metric in dict.fromkeys((level, metric) for level, _, metric in found):
            found[level, MEAN, metric] = fmean(found[level, dimension, metric] for dimension in DIMENSIONS)
    for track, dimension in TRACKS.items():
        if system := _metrics(found, SYSTEM, dimension):
            found[SCORE, track, ""] = score(_metrics(found, UTTERANCE, dimension), system)
    return found


def _means(values: np.ndarray, systems: np.ndarray) -> np.ndarray:
    """Return the means [G] of `values` for each of the G systems that occur."""
    _, system = np.unique(systems, return_inverse=True)
    means: np.ndarray = np.bincount(system, values) / np.bincount(system)
    return means


Figure = TypeVar("Figure")


def _metrics(found: Mapping[Key, Figure], level: str, dimension: str) -> dict[str, Figure]:
    return {metric: figure for (*of, metric), figure in found.items() if of == [level, dimension]}


@dataclass(frozen=True)
class SetResult:
    """Figures of a set of songs. `systems` is the number of systems that made them, or 0 if it is not known.

    `scores` are by track.
    """

    name: str
    songs: int
    systems: int
    utterance: Table
    system: Table
    scores: Mapping[str, ConfidenceInterval]


@dataclass(frozen=True)
class Evaluation:
    """Comparison of the predictions of `who` with ratings.

    `total` is track 1's score over both sets, if the sets "1" and "2" are there.
    """

    who: str
    sets: tuple[SetResult, ...]
    total: ConfidenceInterval | None


def evaluate(who: str, sets: Mapping[str, Rated]) -> Evaluation:
    """Compute every figure of every set in `sets`, by name, with 95% intervals from resampling its songs."""
    resampled = {name: _resample(rated) for name, rated in sets.items()}
    results = tuple(_result(name, sets[name], found) for name, found in resampled.items())
    key = (SCORE, "track 1", "")
    if set(sets) != set(SETS) or any(key not in found for found in resampled.values()):
        return Evaluation(who, results, None)
    one, two = (resampled[name][key] for name in SETS)
    # The second set's draws are reversed. Otherwise two sets of the same size would always draw the same rows.
    return Evaluation(who, results, interval(total(one, np.concatenate([two[:1], two[:0:-1]]))))


def _resample(rated: Rated) -> dict[Key, np.ndarray]:
    """Compute key -> figures [1 + RESAMPLES]: the first on all songs, the others on resampled songs."""
    songs = np.arange(len(rated))
    found = [figures(rated, np.repeat(songs, counts)) for counts in bootstrap_counts(len(songs))]
    return {key: np.array([each[key] for each in found]) for key in found[0]}


def _result(name: str, rated: Rated, found: Mapping[Key, np.ndarray]) -> SetResult:
    estimates = {key: interval(values) for key, values in found.items()}
    systems = 0 if rated.systems is None else len(np.unique(rated.systems))
    utterance, system = (_table(estimates, level) for level in LEVELS)
    scores = {track: figure for (kind, track, _), figure in estimates.items() if kind == SCORE}
    return SetResult(name, len(rated), systems, utterance, system, scores)


def _table(estimates: Mapping[Key, ConfidenceInterval], level: str) -> Table:
    dimensions = dict.fromkeys(dimension for of, dimension, _ in estimates if of == level)
    return {dimension: _metrics(estimates, level, dimension) for dimension in dimensions}
