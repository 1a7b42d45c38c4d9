"""Logistic regression on score differences, and its accuracy on battles between songs it was not fitted on.

A model without a constant term treats both sides alike, so each battle is stored with its winner first. Ties and "both
bad" are left out: the model describes listeners who pick one song.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...core.errors import PreferenceError
from ...core.intervals import ConfidenceInterval, bootstrap_counts, bootstrap_interval
from ..calibration import calibrate
from ..head import Metrics, PreferenceHead

FOLDS, PARTITIONS = 5, 10
PENALTIES = (1.0, 1e-1, 1e-2, 1e-3)
MIN_BATTLES, MIN_SONGS = 30, 20
DOMINANT = 0.1
"""Maximum share of battles in one group of battles that are linked by shared songs. If a group is larger, groups cannot
be held out or resampled, and single songs are held out and resampled instead."""
RULE = "musicality"
"""Axis whose rule "the higher score wins" is compared with a head, if the judge predicts this axis."""


@dataclass(frozen=True)
class Battles:
    """P battles that have a winner."""

    axes: tuple[str, ...]
    difference: np.ndarray
    """[P, A] the winner's scores minus the loser's."""
    songs: np.ndarray
    """[P, 2] of int: the numbers of winner and loser, from 0. Identical recordings have the same number."""
    generators: np.ndarray
    """[P, 2] of str: the generators of winner and loser, empty if unknown."""

    def __len__(self) -> int:
        return len(self.difference)

    def __getitem__(self, rows: np.ndarray) -> "Battles":
        return Battles(self.axes, self.difference[rows], self.songs[rows], self.generators[rows])


@dataclass(frozen=True)
class Units:
    """Units that are held out and resampled as a whole: songs, or groups of battles that share songs."""

    of_song: np.ndarray
    """[S] the unit of each song."""
    count: int
    name: str

    def weight(self, battles: Battles, counts: np.ndarray) -> np.ndarray:
        """Return how often each battle counts [P] if the units count as in `counts` [U]."""
        first, second = self.of_song[battles.songs].T
        weight: np.ndarray = counts[first] * np.where(first == second, 1, counts[second])
        return weight

    def folds(self, seed: int) -> np.ndarray:
        """Return the fold, of FOLDS, in which each song is held out [S]."""
        return folds(self.of_song, FOLDS, seed)


def units(songs: np.ndarray) -> Units:
    """Return groups of battles that share no song with each other, or single songs if one group is DOMINANT.

    If the two songs of a battle are drawn separately, the battle counts as often as the product of both counts. This
    makes intervals too wide if most songs are in only one battle. In that case there are many small groups, which are
    drawn instead of the songs.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    total = int(songs.max()) + 1
    links = coo_array((np.ones(len(songs)), songs.T), shape=(total, total))
    count, group = connected_components(links, directed=False)
    if np.bincount(group[songs[:, 0]]).max() <= DOMINANT * len(songs):
        return Units(group, count, "groups of battles that share no song")
    return Units(np.arange(total), total, "songs")


def folds(unit: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the fold of each song [S]. Songs of the same `unit` [S] have the same fold."""
    rng = np.random.default_rng(seed)
    unique, inverse = np.unique(unit, return_inverse=True)
    fold: np.ndarray = (rng.permutation(len(unique)) % count)[inverse]
    return fold


def logistic(x: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Return the coefficients [A] of a logistic regression, found by Newton's method.

    They minimise the weighted mean of log(1 + exp(-x c)) plus penalty |c|^2 / 2. `x` is [P, A] with the winner first,
    and `weight` is [P].
    """
    weight = weight / weight.sum()
    c = np.zeros(x.shape[1])
    for _ in range(100):
        lost = weight * sigmoid(-x @ c)
        gradient = penalty * c - lost @ x
        curvature = (x.T * (lost * sigmoid(x @ c))) @ x + penalty * np.eye(len(c))
        step = np.linalg.solve(curvature, gradient)
        c = c - step
        if np.abs(step).max() < 1e-8:
            break
    return c


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    y: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * x)
    return y


@dataclass(frozen=True)
class Model:
    """Scale [A] and coefficients [A] of a logistic regression."""

    scale: np.ndarray
    coefficients: np.ndarray

    def __call__(self, battles: Battles) -> np.ndarray:
        """Return the log-odds of each winner [P]."""
        odds: np.ndarray = battles.difference / self.scale @ self.coefficients
        return odds


def fit(battles: Battles, unit: Units) -> tuple[Model, float]:
    """Return the model and its penalty: the one of PENALTIES with the best predictions on held-out songs."""
    scale = np.sqrt(np.square(battles.difference).mean(0))
    x, even = battles.difference / scale, np.ones(len(battles))
    loss = np.zeros(len(PENALTIES))
    for seed in range(PARTITIONS // 2):
        for train, test in splits(battles.songs, unit.folds(seed)):
            for i, penalty in enumerate(PENALTIES):
                odds = x[test] @ logistic(x[train], even[train], penalty)
                loss[i] += np.logaddexp(0, -odds).sum()
    best = PENALTIES[int(loss.argmin())]
    return Model(scale, logistic(x, even, best)), best


def splits(songs: np.ndarray, fold: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to fit on and the rows to test on, [P] of bool, for each `fold` [S].

    A battle is tested if both of its songs are in the fold, and fitted on if neither is. A battle with one song in the
    fold is in neither set.
    """
    inside = fold[songs]
    for f in np.unique(fold):
        test, train = (inside == f).all(1), (inside != f).all(1)
        if test.any() and train.any():
            yield train, test


@dataclass(frozen=True)
class Forecasts:
    """N predictions of held-out battles: the battles, and the log-odds [N] of each winner.

    A battle can occur again with another partition.
    """

    battles: Battles
    odds: np.ndarray


def held_out(battles: Battles, unit: Units) -> Forecasts:
    """Return predictions of each battle with both songs in one fold, by models that were fitted on neither song."""
    rounds = (splits(battles.songs, unit.folds(seed)) for seed in range(100, 100 + PARTITIONS))
    return forecasts(((battles[train], battles[test]) for masks in rounds for train, test in masks), unit)


def forecasts(rounds: Iterable[tuple[Battles, Battles]], unit: Units) -> Forecasts:
    """Return the predictions for `rounds`: pairs of battles to fit on and battles to test on.

    Raises PreferenceError if there are none.
    """
    tested = [(test, fit(train, unit)[0](test)) for train, test in rounds]
    if not tested:
        raise PreferenceError(
            "No two battles are without a common song, so none can be held out. Collect more battles."
        )
    parts = [test for test, _ in tested]
    together = Battles(
        parts[0].axes,
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("difference", "songs", "generators")),
    )
    return Forecasts(together, np.concatenate([odds for _, odds in tested]))


# Metrics: `margin` [N] is positive if the winner was predicted; `weight` [N] is how often each battle counts.


def accuracy(margin: np.ndarray, weight: np.ndarray) -> float:
    """Return the share of battles predicted correctly. No preference counts as half. NaN if no battle counts."""
    return _over(weight @ ((margin > 0) + 0.5 * (margin == 0)), weight.sum())


def accuracy_of(rows: np.ndarray, margin: np.ndarray, weight: np.ndarray) -> float:
    """Return the accuracy on `rows` [N] of bool."""
    return accuracy(margin[rows], weight[rows])


def brier(odds: np.ndarray, weight: np.ndarray) -> float:
    """Return the mean square of one minus the predicted chance of the winner."""
    return _over(weight @ np.square(sigmoid(-odds)), weight.sum())


def slope(odds: np.ndarray, weight: np.ndarray) -> float:
    """Return the factor by which the log-odds must be multiplied to fit best."""
    return float(logistic(odds[:, None], weight, 1e-6)[0]) if weight.any() else float("nan")


def auc(margin: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return a function of weights [N] that computes the AUC.

    The AUC is the chance that a won battle has better odds than a lost one. Each battle is seen from both sides.
    """
    order = np.argsort(-margin)
    lost = -margin[order]
    left, right = np.searchsorted(lost, margin, "left"), np.searchsorted(lost, margin, "right")

    def figure(weight: np.ndarray) -> float:
        below = np.concatenate([[0.0], np.cumsum(weight[order])])
        return _over(weight @ (below[left] + below[right]) / 2, float(weight.sum()) ** 2)

    return figure


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def measure(held: Forecasts, unit: Units) -> Metrics:
    """Return all metrics on held-out battles."""
    battles, odds = held.battles, held.odds
    against = RULE if RULE in battles.axes else battles.axes[0]
    rule = battles.difference[:, battles.axes.index(against)]

    def of(figure: Callable[[np.ndarray], float]) -> ConfidenceInterval:
        return bootstrap_interval(lambda counts: figure(unit.weight(battles, counts)), unit.count)

    by_head, by_rule = auc(odds), auc(rule)
    return Metrics(
        accuracy=of(partial(accuracy, odds)),
        auc=of(by_head),
        brier=of(partial(brier, odds)),
        slope=of(partial(slope, odds)),
        calibration=calibrate(sigmoid(np.abs(odds)), lambda rows: of(partial(accuracy_of, rows, odds))),
        rules={
            axis: of(partial(accuracy, margin)) for axis, margin in zip(battles.axes, battles.difference.T, strict=True)
        },
        against=against,
        gain=of(lambda w: accuracy(odds, w) - accuracy(rule, w)),
        auc_gain=of(lambda w: by_head(w) - by_rule(w)),
        resampled=unit.name,
    )


def learn(
    judge: str, revision: str, data: str, battles: Battles
) -> tuple[PreferenceHead, tuple["ByGenerators", ...], tuple["LeaveOneOut", ...]]:
    """Return a judge's head and its metrics by generator.

    Raises PreferenceError if there are too few battles, or if the judge gives all songs the same scores.
    """
    check_enough(battles)
    battles = _varying(battles)
    unit = units(battles.songs)
    held = held_out(battles, unit)
    head = make_head(judge, revision, data, battles, held, unit)
    return head, by_generators(battles, held, unit), leave_one_generator_out(battles, held, unit)


def make_head(judge: str, revision: str, data: str, battles: Battles, held: Forecasts, unit: Units) -> PreferenceHead:
    """Return a judge's head, fitted on all battles. Its metrics are computed from the predictions `held`."""
    model, penalty = fit(battles, unit)
    covariance = np.atleast_2d(np.cov(_resampled(battles, unit, model, penalty), rowvar=False))
    return PreferenceHead(
        judge=judge,
        revision=revision,
        axes=battles.axes,
        scale=tuple(model.scale.tolist()),
        coefficients=tuple(model.coefficients.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        data=data,
        battles=len(battles),
        songs=len(np.unique(battles.songs)),
        metrics=measure(held, unit),
    )


def check_enough(battles: Battles) -> None:
    """Raise PreferenceError if there are too few battles or songs."""
    songs = len(np.unique(battles.songs))
    for there, least, what in (
        (len(battles), MIN_BATTLES, "battles with a winner"),
        (songs, MIN_SONGS, "different songs in them"),
    ):
        if there < least:
            raise PreferenceError(
                f"There are {there} {what}; at least {least} are needed to learn a preference and to measure it on "
                "songs held out. Collect more."
            )


def _varying(battles: Battles) -> Battles:
    """Return the battles without the axes on which no two songs differ. Raises PreferenceError if no axis is left."""
    kept = (battles.difference != 0).any(0)
    if not kept.any():
        raise PreferenceError("The judge gives all these songs the same scores; there is nothing to learn from them.")
    axes = tuple(axis for axis, keep in zip(battles.axes, kept, strict=True) if keep)
    return Battles(axes, battles.difference[:, kept], battles.songs, battles.generators)


def _resampled(battles: Battles, unit: Units, model: Model, penalty: float) -> np.ndarray:
    """Return coefficients fitted on resampled units [RESAMPLES, A]."""
    x = battles.difference / model.scale
    weights = (unit.weight(battles, counts) for counts in bootstrap_counts(unit.count)[1:])
    return np.array([logistic(x, weight, penalty) for weight in weights if weight.any()])


@dataclass(frozen=True)
class ByGenerators:
    """Accuracy on the held-out battles between two generators."""

    generators: tuple[str, str]
    battles: int
    accuracy: ConfidenceInterval


@dataclass(frozen=True)
class LeaveOneOut:
    """Accuracy on the battles of one generator.

    `accuracy` is that of a model fitted on none of these battles; it may have been fitted on other battles of their
    songs. `usual` is that of the models of `held_out`, which were fitted on no song of the battle.
    """

    generator: str
    battles: int
    accuracy: ConfidenceInterval
    usual: ConfidenceInterval


def by_generators(battles: Battles, held: Forecasts, unit: Units) -> tuple[ByGenerators, ...]:
    """Return the accuracy for each two generators that met in battles. The pair with the most battles comes first."""
    every, tested = (np.sort(of.generators, axis=1) for of in (battles, held.battles))
    found = []
    for pair in np.unique(tested[(tested != "").all(1)], axis=0):
        count = int((every == pair).all(1).sum())
        figure = _accuracy(held, (tested == pair).all(1), unit)
        found.append(ByGenerators((str(pair[0]), str(pair[1])), count, figure))
    return tuple(sorted(found, key=lambda row: -row.battles))


def leave_one_generator_out(battles: Battles, held: Forecasts, unit: Units) -> tuple[LeaveOneOut, ...]:
    """Return the accuracy for each generator whose battles can be predicted from those of at least two others."""
    found = []
    for generator in _names(battles):
        test = (battles.generators == generator).any(1)
        if (~test).sum() < MIN_BATTLES or len(_names(battles[~test])) < 2:
            continue
        model, _ = fit(battles[~test], unit)
        unheard = Forecasts(battles[test], model(battles[test]))
        same = (held.battles.generators == generator).any(1)
        if same.any():
            every = np.ones(int(test.sum()), bool)
            found.append(
                LeaveOneOut(generator, len(every), _accuracy(unheard, every, unit), _accuracy(held, same, unit))
            )
    return tuple(found)


def _names(battles: Battles) -> Sequence[str]:
    return [str(name) for name in np.unique(battles.generators) if name]


def _accuracy(held: Forecasts, rows: np.ndarray, unit: Units) -> ConfidenceInterval:
    battles, odds = held.battles[rows], held.odds[rows]
    return bootstrap_interval(lambda counts: accuracy(odds, unit.weight(battles, counts)), unit.count)
