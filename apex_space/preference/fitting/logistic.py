"""Logistic regression on score differences, and what it is worth on battles between songs it did not learn from.

A model without a constant knows no sides, so each battle stands with its winner first. Ties and "both bad" are left
out: the model speaks of listeners who pick one.
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
"""Where battles hang together by shared songs, and one such group holds more than this share of them, groups cannot be
held out or resampled: single songs are."""
RULE = "musicality"
"""The axis whose "higher score wins" a head is held against, where the judge predicts it."""


@dataclass(frozen=True)
class Battles:
    """P battles that somebody won."""

    axes: tuple[str, ...]
    difference: np.ndarray
    """[P, A] the winner's scores less the loser's."""
    songs: np.ndarray
    """[P, 2] of int: winner and loser, from 0. Recordings that are the same bear the same number."""
    generators: np.ndarray
    """[P, 2] of str: who made winner and loser; empty where unknown."""

    def __len__(self) -> int:
        return len(self.difference)

    def __getitem__(self, rows: np.ndarray) -> "Battles":
        return Battles(self.axes, self.difference[rows], self.songs[rows], self.generators[rows])


@dataclass(frozen=True)
class Units:
    """What is held out and resampled as one: a song, or a group of battles that share songs."""

    of_song: np.ndarray
    """[S] the unit of each song."""
    count: int
    name: str

    def weight(self, battles: Battles, counts: np.ndarray) -> np.ndarray:
        """[P] how often each battle counts where the units count as in `counts` [U]."""
        first, second = self.of_song[battles.songs].T
        weight: np.ndarray = counts[first] * np.where(first == second, 1, counts[second])
        return weight

    def folds(self, seed: int) -> np.ndarray:
        """[S] in which of FOLDS each song is held out."""
        return folds(self.of_song, FOLDS, seed)


def units(songs: np.ndarray) -> Units:
    """Groups of battles that share no song with each other, or single songs where one group is DOMINANT.

    A battle whose two songs are drawn apart counts as often as both were drawn, which makes intervals too wide where
    most songs are in one battle only; there the groups are many and small, and stand in for the songs.
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
    """Fold [S] of each song; those of one unit [S] share it."""
    rng = np.random.default_rng(seed)
    unique, inverse = np.unique(unit, return_inverse=True)
    fold: np.ndarray = (rng.permutation(len(unique)) % count)[inverse]
    return fold


def logistic(x: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients [A] that minimise the weighted mean of log(1 + exp(-x c)) plus penalty |c|^2 / 2 (Newton's method).

    `x` [P, A] with the winner first, `weight` [P].
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
    """1 / (1 + exp(-x)) without overflow."""
    y: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * x)
    return y


@dataclass(frozen=True)
class Model:
    """Scale and coefficients [A]."""

    scale: np.ndarray
    coefficients: np.ndarray

    def __call__(self, battles: Battles) -> np.ndarray:
        """[P] log-odds of the one who won."""
        odds: np.ndarray = battles.difference / self.scale @ self.coefficients
        return odds


def fit(battles: Battles, unit: Units) -> tuple[Model, float]:
    """The model and its penalty, the one of PENALTIES whose forecasts on held-out songs were the best."""
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
    """Rows [P] of bool to learn from and to test on, for each `fold` [S]: both songs in it are tested, none is taught.

    A battle with one song in the fold is of no use to either side.
    """
    inside = fold[songs]
    for f in np.unique(fold):
        test, train = (inside == f).all(1), (inside != f).all(1)
        if test.any() and train.any():
            yield train, test


@dataclass(frozen=True)
class Forecasts:
    """N forecasts of held-out battles, which may come up again with other partitions: the battles, and [N] log-odds of
    the one who won."""

    battles: Battles
    odds: np.ndarray


def held_out(battles: Battles, unit: Units) -> Forecasts:
    """Forecasts of each battle that a fold holds, by models that met neither of its songs."""
    rounds = (splits(battles.songs, unit.folds(seed)) for seed in range(100, 100 + PARTITIONS))
    return forecasts(((battles[train], battles[test]) for masks in rounds for train, test in masks), unit)


def forecasts(rounds: Iterable[tuple[Battles, Battles]], unit: Units) -> Forecasts:
    """From pairs of battles to learn from and to test on."""
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


# Figures of merit: `margin` [N] is positive where the one who won was foreseen, `weight` [N] how often each counts.


def accuracy(margin: np.ndarray, weight: np.ndarray) -> float:
    """Share of battles foreseen; no preference is half of one. NaN where nothing counts."""
    return _over(weight @ ((margin > 0) + 0.5 * (margin == 0)), weight.sum())


def accuracy_of(rows: np.ndarray, margin: np.ndarray, weight: np.ndarray) -> float:
    """The same of the `rows` [N] of bool."""
    return accuracy(margin[rows], weight[rows])


def brier(odds: np.ndarray, weight: np.ndarray) -> float:
    """Mean square of what the forecast lacked."""
    return _over(weight @ np.square(sigmoid(-odds)), weight.sum())


def slope(odds: np.ndarray, weight: np.ndarray) -> float:
    """Factor that would make the log-odds fit best."""
    return float(logistic(odds[:, None], weight, 1e-6)[0]) if weight.any() else float("nan")


def auc(margin: np.ndarray) -> Callable[[np.ndarray], float]:
    """Of weights [N]: chance that a won battle got better odds than a lost one, each battle seen from both sides."""
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
    """All figures on held-out battles."""
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
    """A judge's head and its figures by generator. Raises PreferenceError where the battles are too few."""
    check_enough(battles)
    battles = _varying(battles)
    unit = units(battles.songs)
    held = held_out(battles, unit)
    head = make_head(judge, revision, data, battles, held, unit)
    return head, by_generators(battles, held, unit), leave_one_generator_out(battles, held, unit)


def make_head(judge: str, revision: str, data: str, battles: Battles, held: Forecasts, unit: Units) -> PreferenceHead:
    """A judge's head, fitted on all battles; its figures are of the forecasts `held`."""
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
    """Raises PreferenceError."""
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
    """Without the axes on which no two songs differ."""
    kept = (battles.difference != 0).any(0)
    if not kept.any():
        raise PreferenceError("The judge gives all these songs the same scores; there is nothing to learn from them.")
    axes = tuple(axis for axis, keep in zip(battles.axes, kept, strict=True) if keep)
    return Battles(axes, battles.difference[:, kept], battles.songs, battles.generators)


def _resampled(battles: Battles, unit: Units, model: Model, penalty: float) -> np.ndarray:
    """[RESAMPLES, A] coefficients fitted on resampled units."""
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
    """Accuracy on a generator's battles, by a model that learned from none of them, and by `held_out` models.

    The first may have learned from other battles of the songs it met; `held_out` models did from no song of a battle.
    """

    generator: str
    battles: int
    accuracy: ConfidenceInterval
    usual: ConfidenceInterval


def by_generators(battles: Battles, held: Forecasts, unit: Units) -> tuple[ByGenerators, ...]:
    """Of each two generators that met, those of the most battles first."""
    every, tested = (np.sort(of.generators, axis=1) for of in (battles, held.battles))
    found = []
    for pair in np.unique(tested[(tested != "").all(1)], axis=0):
        count = int((every == pair).all(1).sum())
        figure = _accuracy(held, (tested == pair).all(1), unit)
        found.append(ByGenerators((str(pair[0]), str(pair[1])), count, figure))
    return tuple(sorted(found, key=lambda row: -row.battles))


def leave_one_generator_out(battles: Battles, held: Forecasts, unit: Units) -> tuple[LeaveOneOut, ...]:
    """For each generator whose battles can be foreseen from those of at least two others."""
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
