"""Rates songs and generators by people's votes: a Bradley-Terry model with a prior, and its intervals.

Bradley and Terry (1952): P(i is preferred to j) = sigmoid(s_i - s_j) with a strength s for each song. A tie is half a
win for both, and so is "both bad". The prior adds two votes for each song: one won and one lost against an average song
of strength 0 (Newman, JMLR 2023, section 5: every chance to beat an average song is equally likely beforehand). So the
strength of an undefeated song stays finite, and songs that no chain of votes connects move each other only by the
side's effect.

Listeners may favour a side: P(A is preferred to B) = sigmoid(s_A - s_B + side). The side's effect is fitted with the
strengths, and ratings are without it. Before any vote it is normal with a deviation of 0.25: with 95% probability, A is
preferred to an equally good song in 38 to 62% of votes.

Davidson's model (1970) of ties is the other choice. It predicts ties instead of splitting them: the chances of A, B and
a tie are as exp(d / 2), exp(-d / 2) and nu, where d is the log-odds of A among votes that are not ties. nu is fitted,
too. Its logarithm is normal beforehand, with a deviation of 2. Half of the predicted ties count as preferred, so that
ratings of both choices mean the same.

A rating is the chance to be preferred to an average song: sigmoid(s) if ties are split. In this case, the ratings of
songs that are connected by votes have a mean of exactly 0.5. Where groups of songs are not connected, only the prior
puts them on one scale.

Intervals are from the normal approximation of the posterior (Laplace's method): the covariance of the strengths is the
inverse of the curvature at the most likely strengths. A shift that all connected songs have in common tells nothing
about any of them and is removed. With simulated listeners (strengths normal with a deviation of 0.8, no ties), the
intervals contained the true rating of 95 to 99 of 100 songs, for 4 to 100 votes on each song; the Bayesian bootstrap
over votes contained 94 to 99. With a deviation of 2, for 20 votes on each song, it was 88 and 90: the prior draws
extreme songs to the middle. Votes of one listener are not independent: listeners.py says by how much intervals become
wider, and what they then contain. A generator's interval is about its songs in the pool.

A row's ranks are the best and the worst place that the votes allow. It is surely behind or ahead of another row if the
95% interval of the difference of their strengths excludes 0, by the covariance of both.

The time grows with the number of songs to the third power, and hardly with the number of votes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from ..core.intervals import Z95, ConfidenceInterval
from ..storage.vote_counts import PairResults, VoteCounts

By = Literal["song", "generator"]
Ties = Literal["half", "davidson"]
"""How ties are counted: as half a win for both, or by Davidson's model."""
FEW_VOTES = 30
MIN_VOTES = 5
"""Number of votes below which a figure is not shown: its interval is almost the whole range."""
MAX_STEPS = 100
"""Maximum number of steps of Newton's method; odds of 1e12 take 43."""
CLOSE = 1e-8
"""Largest change of a strength in the last step."""


TIES_DEVIATION = 2.0


@dataclass(frozen=True)
class RatingModel:
    """How votes are counted, and what is believed before any vote.

    `prior` is how often each song won, and lost, against an average one; it is more than 0. `side` is the deviation of
    the side's effect on the log-odds of A. Without `both_bad`, these votes are left out.
    """

    prior: float = 1.0
    side: float = 0.25
    ties: Ties = "half"
    both_bad: bool = True


MODEL = RatingModel()


@dataclass(frozen=True)
class Strengths:
    """The most likely strengths [S] and the side's effect on the log-odds of A, with their standard deviations.

    `covariances` [K, S, S] are those of the strengths, as if all votes were independent and, if that is known, by
    listeners; the larger uncertainty counts. `nu` is Davidson's, 0 if ties are split.
    """

    values: np.ndarray
    deviations: np.ndarray
    covariances: np.ndarray
    side: float
    side_deviation: float
    nu: float

    def chances(self, far: float = 0.0) -> np.ndarray:
        """Return the chances to be preferred to an average song [S], `far` deviations away from the most likely."""
        return self._chances(self.values + far * self.deviations)

    @property
    def side_chance(self) -> ConfidenceInterval:
        """Return the chance of a song as A to be preferred to an equally good one."""
        odds = self.side + self.side_deviation * np.array([0, -Z95, Z95])
        return ConfidenceInterval(*self._chances(odds).tolist())

    def pulls(self, votes: PairResults) -> np.ndarray:
        """Return by how much the votes on each pair [P] pull at the log-odds of A."""
        shares = _shares(self.values[votes.a] - self.values[votes.b] + self.side, self.nu)
        return _pulls(votes, *shares)

    def _chances(self, odds: np.ndarray) -> np.ndarray:
        wins, _, ties = _shares(odds, self.nu)
        return wins + ties / 2


@dataclass(frozen=True)
class ListenerExcess:
    """What votes of the same listener have in common, in `votes` votes by `listeners` listeners.

    `covariance` [S + 1, S + 1] sums the products of the pulls at the strengths of the S `keys`, and at the side's
    effect, over all two different votes of the same listener. It is 0 on average if votes are independent.
    """

    keys: tuple[str, ...]
    covariance: np.ndarray
    votes: float
    listeners: int

    def among(self, results: PairResults, size: int) -> np.ndarray:
        """Return the covariance [size, size] for these results, which may have other keys and more votes."""
        place = {key: number for number, key in enumerate(results.keys)}
        both = [(old, place[key]) for old, key in enumerate(self.keys) if key in place]
        old, new = np.array([*both, (len(self.keys), len(place))]).T
        found = np.zeros((size, size))
        found[np.ix_(new, new)] = self.covariance[np.ix_(old, old)] * results.numbers.sum() / self.votes
        return found


Excess = Mapping[By, ListenerExcess]
"""What is known of listeners, for songs and for generators; empty if it is not known."""
NOBODY: Excess = {}


@dataclass(frozen=True)
class Rating:
    """Chance that a song or a generator is preferred to an average one, with its 95% interval.

    `key` is the song's id or the generator's name. `votes` counts the votes for it, the votes against it and the ties.
    `best` and `worst` are the ranks that the votes allow, from 1, among all that have MIN_VOTES votes. They are None if
    it has fewer.
    """

    key: str
    title: str
    generator: str
    rating: float
    low: float
    high: float
    votes: int
    wins: int
    ties: int
    best: int | None
    worst: int | None

    @property
    def preliminary(self) -> bool:
        """Return whether there are too few votes to rely on."""
        return self.votes < FEW_VOTES

    @property
    def unrated(self) -> bool:
        """Return whether there are too few votes to show a rating."""
        return self.votes < MIN_VOTES

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"preliminary": self.preliminary}


def rate(
    counts: VoteCounts, by: By = "song", model: RatingModel = MODEL, excess: Excess = NOBODY
) -> tuple[Rating, ...]:
    """Rate the songs or generators compared by the votes on the pool's songs, best lower bound first.

    A vote between two songs of one generator says nothing about generators and is left out of their ratings.
    """
    results = results_of(counts, by, model)
    if not results.keys:
        return ()
    shown = {song.id if by == "song" else song.generator: song for song in counts.songs.values()}
    wins, losses, ties = _numbers(results)
    votes = wins + losses + ties
    strengths = strengths_of(results, model, excess.get(by))
    rating, low, high = (strengths.chances(far) for far in (0, -Z95, Z95))
    rated = _enough(counts, by, model, results.keys)
    best, worst = _ranks(strengths, rated)
    found = [
        Rating(
            key=key,
            title=shown[key].title if by == "song" else key,
            generator=shown[key].generator,
            rating=float(rating[index]),
            low=float(low[index]),
            high=float(high[index]),
            votes=int(votes[index]),
            wins=int(wins[index]),
            ties=int(ties[index]),
            best=int(best[index]) if rated[index] else None,
            worst=int(worst[index]) if rated[index] else None,
        )
        for index, key in enumerate(results.keys)
    ]
    return tuple(sorted(found, key=lambda rating: (-rating.low, -rating.rating, rating.key)))


def _enough(counts: VoteCounts, by: By, model: RatingModel, keys: Sequence[str]) -> np.ndarray:
    """Return which of the `keys` [S] have MIN_VOTES votes. "Both bad" counts here, even if the model leaves it out:
    else all ranks would move up where a row has too few other votes."""
    results = results_of(counts, by, replace(model, both_bad=True))
    wins, losses, ties = _numbers(results)
    enough = dict(zip(results.keys, wins + losses + ties >= MIN_VOTES, strict=True))
    return np.array([enough[key] for key in keys])


def side_effect(counts: VoteCounts, model: RatingModel = MODEL, excess: Excess = NOBODY) -> ConfidenceInterval | None:
    """Return the chance of a song as A against an equally good one, or None without votes on the pool's songs.

    It is from the fit of songs. If songs have fewer than MIN_VOTES votes on average, how good they are is hardly told
    from where they stood, and it is from the fit of generators.
    """
    by: By = "song"
    results, generators = results_of(counts, "song", model), results_of(counts, "generator", model)
    if 2 * results.numbers.sum() < MIN_VOTES * len(results.keys) and generators.keys:
        by, results = "generator", generators
    return strengths_of(results, model, excess.get(by)).side_chance if results.keys else None


def results_of(counts: VoteCounts, by: By, model: RatingModel = MODEL) -> PairResults:
    """Return the results of the votes on the pool's songs, between songs or between generators."""
    results = counts.song_results if by == "song" else counts.generator_results
    if model.both_bad:
        return results
    numbers = results.numbers * [[1], [1], [1], [0]]
    left = numbers.any(0)
    return PairResults.of(results.keys, results.a[left], results.b[left], numbers[:, left])


def numbers_of(counts: VoteCounts) -> dict[str, tuple[float, float, float]]:
    """Return how often each song of the pool won, lost and tied, by its id, without a fit."""
    results = results_of(counts, "song")
    return dict(zip(results.keys, zip(*map(np.ndarray.tolist, _numbers(results)), strict=True), strict=True))


def _numbers(results: PairResults) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how often each song or generator won [S], lost [S] and tied [S], with "both bad" as a tie."""
    neither = results.tied + results.both_bad
    as_a = (results.a_won, results.b_won, neither)
    as_b = (results.b_won, results.a_won, neither)
    size = len(results.keys)
    wins, losses, ties = (
        np.bincount(results.a, one, size) + np.bincount(results.b, other, size)
        for one, other in zip(as_a, as_b, strict=True)
    )
    return wins, losses, ties


def _ranks(strengths: Strengths, rated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best and the worst rank [S] of each row among the `rated` [S] rows."""
    values, apart = strengths.values, np.zeros(strengths.covariances.shape[1:])
    for covariance in strengths.covariances:
        variance = covariance.diagonal()
        apart = np.maximum(apart, variance[:, None] + variance - 2 * covariance)
    ahead = (values[:, None] - values > Z95 * np.sqrt(apart)) & rated[:, None] & rated
    return 1 + ahead.sum(0), rated.sum() - ahead.sum(1)


def strengths_of(results: PairResults, model: RatingModel = MODEL, excess: ListenerExcess | None = None) -> Strengths:
    """Return the most likely strengths and side's effect.

    They are found by Newton's method. Its steps are damped by ln(1 + d)/d, where d is the largest change of any pair's
    log-odds and of ln(nu) together. With a logistic likelihood such a step never overshoots, because the curvature
    changes at most by a factor of exp(d) on the way.
    """
    from scipy.linalg import cho_factor, cho_solve

    size = len(results.keys)
    found = np.zeros(size + (2 if model.ties == "davidson" else 1))  # the strengths, the side's effect, ln(nu)
    for _ in range(MAX_STEPS):
        gradient, curvature = _derivatives(results, model, found)
        step = cho_solve(cho_factor(curvature), gradient)
        moved = max(float(np.ptp(step[:size]) + abs(step[size:]).sum()), float(abs(step).max()))
        found = found + step * (np.log1p(moved) / moved if moved else 1.0)
        if moved <= CLOSE:
            break
    _, curvature = _derivatives(results, model, found)
    covariance = cho_solve(cho_factor(curvature), np.eye(len(found)))
    covariances = [covariance]
    if excess is not None:
        covariances.append(covariance + covariance @ excess.among(results, len(found)) @ covariance)
    return Strengths(
        found[:size],
        np.sqrt(np.max([_variances(results, each[:size, :size]) for each in covariances], axis=0)),
        np.array([each[:size, :size] for each in covariances]),
        float(found[size]),
        float(np.sqrt(max(each[size, size] for each in covariances))),
        _nu(found, size),
    )


def _nu(found: np.ndarray, size: int) -> float:
    return float(np.exp(found[size + 1])) if len(found) > size + 1 else 0.0


def _shares(odds: np.ndarray, nu: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the chances of A, of B and of a tie, by the log-odds of A among votes that are not ties.

    The smaller chance is not 1 minus the other ones: it would be 0 for a clear winner, and the steps of Newton's method
    would never become small.
    """
    far = np.exp(-abs(odds) / 2)
    total = 1 + nu * far + far**2
    likely, unlikely, ties = 1 / total, far**2 / total, nu * far / total
    return np.where(odds > 0, likely, unlikely), np.where(odds > 0, unlikely, likely), ties


def _pulls(results: PairResults, wins: np.ndarray, losses: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Return the log-likelihood's derivatives by the log-odds of A [P]."""
    split = results.tied + results.both_bad
    pulls = results.a_won * (losses + ties / 2) - results.b_won * (wins + ties / 2) + split * (losses - wins) / 2
    return np.asarray(pulls)


def _derivatives(results: PairResults, model: RatingModel, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-likelihood's gradient [F] and its negative second derivatives [F, F] by what is `found` [F]."""
    size, split = len(results.keys), results.tied + results.both_bad
    strengths, side, rest = found[:size], found[size], found[size + 1 :]
    wins, losses, ties = _shares(strengths[results.a] - strengths[results.b] + side, _nu(found, size))
    votes = results.a_won + results.b_won + split
    slope = _pulls(results, wins, losses, ties)
    bend = votes * (wins * losses + ties * (wins + losses) / 4)
    skew = votes * ties * (losses - wins) / 2

    def per_song(of: np.ndarray, as_b: int = -1) -> np.ndarray:
        return np.asarray(np.bincount(results.a, of, size) + as_b * np.bincount(results.b, of, size))

    average_wins, average_losses, _ = _shares(strengths, 0.0)
    gradient, curvature = np.zeros(size + 2), np.zeros((size + 2, size + 2))
    gradient[:size] = per_song(slope) + model.prior * (average_losses - average_wins)
    gradient[size] = slope.sum() - side / model.side**2
    between = np.bincount(results.a * size + results.b, bend, size * size).reshape(size, size)
    curvature[:size, :size] = -between - between.T
    curvature[range(size), range(size)] = 2 * model.prior * average_wins * average_losses + per_song(bend, 1)
    curvature[size, :size] = curvature[:size, size] = per_song(bend)
    curvature[size, size] = bend.sum() + model.side**-2
    if len(rest):
        gradient[-1] = (split * (wins + losses) - (votes - split) * ties).sum() - rest[0] / TIES_DEVIATION**2
        curvature[-1, :size] = curvature[:size, -1] = per_song(skew)
        curvature[-1, size] = curvature[size, -1] = skew.sum()
        curvature[-1, -1] = (votes * ties * (wins + losses)).sum() + TIES_DEVIATION**-2
    return gradient[: len(found)], curvature[: len(found), : len(found)]


def _variances(results: PairResults, covariance: np.ndarray) -> np.ndarray:
    """Return the variance [S] of each strength against the mean of the songs that votes connect it with."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(covariance)
    met = coo_array((np.ones(len(results.a)), (results.a, results.b)), (size, size))
    _, group = connected_components(met, directed=False)
    mean = (group[:, None] == np.arange(group.max() + 1)) / np.bincount(group)
    shifts = covariance @ mean
    own = np.arange(size)
    return covariance.diagonal() - 2 * shifts[own, group] + (mean.T @ shifts)[group, group]
