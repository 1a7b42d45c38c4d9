"""Fits a preference head on battles by the model that learns from votes, and measures it on songs held out.

Before the battles nothing is known: all weights are 0, with DEVIATION. Older heads are not gone on from, because they
may have been fitted on the same battles. Ties and "both bad" are left out: the model describes listeners who pick one
song.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...core.errors import PreferenceError
from ...core.intervals import ConfidenceInterval, bootstrap_interval
from ..calibration import calibrate
from ..head import Foresight, GeneratorEffect, Metrics, PreferenceHead
from ..learned import WEIGHT_DEVIATION, LearnedModel, Outcomes, Prior, even_log_odds, sigmoid
from ..learned import learn as learn_from

FOLDS, PARTITIONS = 5, 10
DEVIATION = 1.5
"""Deviation of the log-odds of a usual pair of songs before the battles. It is wider than what the arena begins with:
with 0.5, the log-loss on davda54's held-out songs is 0.585 instead of 0.573, because the head is not bold enough."""
MIN_BATTLES, MIN_SONGS = 30, 20
DOMINANT = 0.1
"""Maximum share of battles in one group of battles that are linked by shared songs. If a group is larger, groups cannot
be held out or resampled, and single songs are held out and resampled instead."""
RULE = "musicality"
"""Axis whose rule "the higher score wins" is compared with a head, if the judge predicts this axis."""


@dataclass(frozen=True)
class Battles:
    """P battles with a winner: what listeners chose between two songs with scores on `axes`."""

    axes: tuple[str, ...]
    outcomes: Outcomes

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, rows: np.ndarray) -> "Battles":
        """Return the battles for which `rows` [P] of bool is true."""
        return Battles(self.axes, self.outcomes[np.flatnonzero(rows)])

    @property
    def songs(self) -> np.ndarray:
        """Return the numbers of A and B [P, 2], from 0. Identical recordings have the same number."""
        assert self.outcomes.songs is not None
        return self.outcomes.songs

    @property
    def generators(self) -> np.ndarray:
        """Return the generators of A and B, [P, 2] of str, empty if unknown."""
        return np.array(self.outcomes.generators, str).reshape(-1, 2)

    @property
    def scale(self) -> np.ndarray:
        """Return the root mean square of the differences on each axis [A], 1 where all are 0."""
        scale: np.ndarray = np.sqrt(np.square(self.outcomes.differences).mean(0))
        return np.where(scale == 0, 1.0, scale)

    def toward_winner(self, margins: np.ndarray) -> np.ndarray:
        """Return `margins` for A [P] or [P, A] as margins for the winner."""
        sign = self.outcomes.won - self.outcomes.lost
        return (sign * margins.T).T

    def on(self, axes: Sequence[str]) -> "Battles":
        """Return the same battles with the scores on these axes only."""
        columns = [self.axes.index(axis) for axis in axes]
        return Battles(tuple(axes), replace(self.outcomes, differences=self.outcomes.differences[:, columns]))

    def prior(self, weight: float = 0.0, deviation: float = WEIGHT_DEVIATION) -> Prior:
        """Return a prior by which a point of each score is worth `weight` of log-odds, more or less."""
        return Prior.without_head(self.axes, self.scale.tolist(), (weight * self.scale).tolist(), deviation)


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


def fit(prior: Prior, battles: Battles, judge: str = "", revision: str = "") -> LearnedModel:
    """Return the model that has learned from the battles. Songs have effects of their own if some meet again."""
    seen = battles.outcomes
    if len(np.unique(battles.songs)) == battles.songs.size:
        seen = replace(seen, songs=None)
    return learn_from(judge, revision, prior, seen.bounded())


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
    """N predictions of held-out battles: the battles, and the log-odds [N] of each winner by `scores` alone.

    `told` are those of models that are told the generators, and `alone` those of models without scores; both are None
    if no generator is known. A battle can occur again with another partition.
    """

    battles: Battles
    scores: np.ndarray
    told: np.ndarray | None = None
    alone: np.ndarray | None = None


def held_out(prior: Prior, battles: Battles, unit: Units) -> Forecasts:
    """Return predictions of each battle with both songs in one fold, by models that were fitted on neither song."""
    rounds = (splits(battles.songs, unit.folds(seed)) for seed in range(100, 100 + PARTITIONS))
    return forecasts(prior, ((battles[train], battles[test]) for masks in rounds for train, test in masks))


def forecasts(prior: Prior, rounds: Iterable[tuple[Battles, Battles]]) -> Forecasts:
    """Return the predictions for `rounds`: pairs of battles to fit on and battles to test on.

    Raises PreferenceError if there are none.
    """
    parts = [_forecast(prior, train, test) for train, test in rounds]
    if not parts:
        raise PreferenceError(
            "No two battles are without a common song, so none can be held out. Collect more battles."
        )
    scores = np.concatenate([part.scores for part in parts])
    told, alone = _joined([part.told for part in parts]), _joined([part.alone for part in parts])
    return Forecasts(together([part.battles for part in parts]), scores, told, alone)


def _forecast(prior: Prior, train: Battles, test: Battles) -> Forecasts:
    model = fit(prior, train)
    scores = by_scores(model, test)
    if not any(map(any, train.outcomes.generators)):
        return Forecasts(test, scores)
    told = test.toward_winner(even_log_odds(*model.log_odds(test.outcomes)))
    without = fit(Prior.without_head((), ()), train.on(()))
    return Forecasts(test, scores, told, test.toward_winner(even_log_odds(*without.log_odds(test.on(()).outcomes))))


def by_scores(model: LearnedModel, battles: Battles) -> np.ndarray:
    """Return the log-odds of each winner [P] by the scores alone, as a preference head predicts."""
    return battles.toward_winner(model.log_odds(battles.outcomes.without_generators())[0])


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return all parts as one, or None if a part is missing."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def together(parts: Sequence[Battles]) -> Battles:
    """Return all parts as one."""
    seen = [part.outcomes for part in parts]
    names = "differences", "won", "lost", "songs"
    differences, won, lost, songs = (np.concatenate([getattr(each, name) for each in seen]) for name in names)
    generators = [pair for each in seen for pair in each.generators]
    return Battles(parts[0].axes, Outcomes(differences, generators, won, lost, songs))


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
    """Return the factor by which the log-odds must be multiplied to fit best, found by Newton's method.

    A slight pull to 0 keeps the factor finite if all winners were foreseen.
    """
    if not weight.any():
        return float("nan")
    factor, weight = 0.0, weight / weight.sum()
    for _ in range(100):
        lost = weight * sigmoid(-factor * odds)
        gradient = lost @ odds - 1e-6 * factor
        step = gradient / ((lost * sigmoid(factor * odds)) @ np.square(odds) + 1e-6)
        factor += step
        if abs(step) < 1e-8:
            break
    return float(factor)


def log_loss(odds: np.ndarray, weight: np.ndarray) -> float:
    """Return the mean of minus the logarithm of the predicted chance of the winner."""
    return _over(weight @ np.logaddexp(0, -odds), weight.sum())


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
    battles, odds = held.battles, held.scores
    against = RULE if RULE in battles.axes else battles.axes[0]
    differences = battles.toward_winner(battles.outcomes.differences)
    rule, b_won = differences[:, battles.axes.index(against)], battles.toward_winner(-np.ones(len(battles)))

    def of(figure: Callable[[np.ndarray], float]) -> ConfidenceInterval:
        return bootstrap_interval(lambda counts: figure(unit.weight(battles, counts)), unit.count)

    def foresight(odds: np.ndarray | None) -> Foresight | None:
        return None if odds is None else Foresight(of(partial(accuracy, odds)), of(partial(log_loss, odds)))

    by_head, by_rule = auc(odds), auc(rule)
    return Metrics(
        accuracy=of(partial(accuracy, odds)),
        auc=of(by_head),
        brier=of(partial(brier, odds)),
        slope=of(partial(slope, odds)),
        calibration=calibrate(sigmoid(np.abs(odds)), lambda rows: of(partial(accuracy_of, rows, odds))),
        rules={axis: of(partial(accuracy, margin)) for axis, margin in zip(battles.axes, differences.T, strict=True)},
        against=against,
        gain=of(lambda w: accuracy(odds, w) - accuracy(rule, w)),
        auc_gain=of(lambda w: by_head(w) - by_rule(w)),
        resampled=unit.name,
        log_loss=of(partial(log_loss, odds)),
        always_b=None if (b_won == b_won[0]).all() else of(partial(accuracy, b_won)),
        with_generators=foresight(held.told),
        generators_alone=foresight(held.alone),
    )


def learn(
    judge: str, revision: str, data: str, battles: Battles
) -> tuple[PreferenceHead, tuple["ByGenerators", ...], tuple["LeaveOneOut", ...]]:
    """Return a judge's head and its metrics by generator.

    Raises PreferenceError if there are too few battles, or if the judge gives all songs the same scores.
    """
    check_enough(battles)
    battles = _varying(battles)
    prior = battles.prior(deviation=DEVIATION)
    unit = units(battles.songs)
    held = held_out(prior, battles, unit)
    head = make_head(fit(prior, battles, judge, revision), data, battles, held, unit)
    return head, by_generators(battles, held, unit), leave_one_generator_out(prior, battles, held, unit)


def make_head(model: LearnedModel, data: str, battles: Battles, held: Forecasts, unit: Units) -> PreferenceHead:
    """Return the head of a model that was fitted on all battles. Its metrics are of the predictions `held`."""
    axes = len(battles.axes)
    deviations = np.sqrt(np.diag(model.covariance))
    effects = zip(model.generators, model.mean[axes:], deviations[axes:].tolist(), strict=True)
    return PreferenceHead(
        judge=model.judge,
        revision=model.revision,
        axes=battles.axes,
        scale=model.prior.scale,
        coefficients=model.mean[:axes],
        covariance=tuple(row[:axes] for row in model.covariance[:axes]),
        data=data,
        battles=len(battles),
        songs=len(np.unique(battles.songs)),
        metrics=measure(held, unit),
        generators=tuple(GeneratorEffect(*each) for each in effects),
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
    kept = (battles.outcomes.differences != 0).any(0)
    if not kept.any():
        raise PreferenceError("The judge gives all these songs the same scores; there is nothing to learn from them.")
    return battles.on([axis for axis, keep in zip(battles.axes, kept, strict=True) if keep])


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


def leave_one_generator_out(prior: Prior, battles: Battles, held: Forecasts, unit: Units) -> tuple[LeaveOneOut, ...]:
    """Return the accuracy for each generator whose battles can be predicted from those of at least two others."""
    found = []
    for generator in _names(battles):
        test = (battles.generators == generator).any(1)
        if (~test).sum() < MIN_BATTLES or len(_names(battles[~test])) < 2:
            continue
        unheard = Forecasts(battles[test], by_scores(fit(prior, battles[~test]), battles[test]))
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
    battles, odds = held.battles[rows], held.scores[rows]
    return bootstrap_interval(lambda counts: accuracy(odds, unit.weight(battles, counts)), unit.count)
