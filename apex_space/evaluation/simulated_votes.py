"""Votes of simulated listeners, whose likings are known: what the model that learns from votes makes of them.

Each song has one score, and each vote is on two new songs of different generators. The log-odds that the listener picks
A are `weight` times the difference of the scores, whose deviation is 1, plus the difference of the generators' effects.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..core.intervals import Z95
from ..preference.learned import GENERATOR_DEVIATION, SONG_DEVIATION, LearnedModel, Outcomes, Prior, learn, mean_chance

RUNS, TESTED = 100, 400
"""Number of simulated arenas for each figure, and of new pairs of songs on which each model is tested."""
VOTES = (0, 50, 100, 200, 500, 1000, 2000, 5000)
GENERATORS = (6, 12, 24)
BEFORE_CHANGE, AFTER_CHANGE = 2000, (100, 300, 1000, 3000)
HALF_LIVES = (None, 3000, 1000, 300)
CHANGE = 1.5
"""By how much the effect of the generator grows that changes."""
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of a manipulator's votes."""
POOL = 24
"""Number of songs of a small pool."""
PRIOR = Prior.without_head(("score",), (1.0,), (0.5,))


@dataclass(frozen=True)
class Listeners:
    """What simulated listeners like: the worth of a score, and the effect of each generator [G]."""

    weight: float
    effects: np.ndarray

    @staticmethod
    def draw(rng: np.random.Generator, generators: int) -> "Listeners":
        """Return likings that are as likely as the prior says."""
        weight = rng.normal(PRIOR.weights[0], PRIOR.covariance[0][0] ** 0.5)
        return Listeners(weight, rng.normal(0, GENERATOR_DEVIATION, generators))

    def vote(self, rng: np.random.Generator, count: int) -> tuple[Outcomes, np.ndarray]:
        """Return votes on new songs, and the true chance of each A."""
        a = rng.integers(len(self.effects), size=count)
        b = (a + rng.integers(1, len(self.effects), size=count)) % len(self.effects)
        return self._choose(rng, rng.normal(size=(count, 1)), a, b)

    def vote_in_a_small_pool(self, rng: np.random.Generator, count: int) -> Outcomes:
        """Return votes on a small pool's songs, each of which has an effect of its own."""
        scores, own = rng.normal(0, 0.5**0.5, POOL), rng.normal(0, SONG_DEVIATION, POOL)
        a = rng.integers(POOL, size=count)
        b = (a + rng.integers(1, POOL, size=count)) % POOL
        makers = np.arange(POOL) % len(self.effects)
        votes, _ = self._choose(rng, (scores[a] - scores[b])[:, None], makers[a], makers[b], own[a] - own[b])
        return replace(votes, songs=np.stack([a, b], 1))

    def _choose(
        self, rng: np.random.Generator, steps: np.ndarray, a: np.ndarray, b: np.ndarray, own: np.ndarray | float = 0
    ) -> tuple[Outcomes, np.ndarray]:
        odds = self.weight * steps[:, 0] + self.effects[a] - self.effects[b] + own
        chances = mean_chance(odds, 0.0)
        won = (rng.random(len(a)) < chances).astype(float)
        return Outcomes(steps, [(_name(x), _name(y)) for x, y in zip(a, b, strict=True)], won, 1 - won), chances


@dataclass(frozen=True)
class SimulationTable:
    """Figures of the simulated votes, as they are shown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def simulate(runs: int = RUNS) -> Iterator[SimulationTable]:
    """Yield the tables of `docs/arena.md`, one after the other."""
    yield _coverage_table(runs)
    yield _speed_table(runs)
    yield _drift_table(runs)
    yield _manipulation_table(runs)


def coverage(
    votes: int, runs: int, told: bool = True, small_pool: bool = False, fit_songs: bool = True
) -> tuple[float, float]:
    """Return the share of true chances within their 95% intervals, and the mean width of these intervals.

    The tested songs are new, and have no effects of their own. If their generators are not `told`, the truth has the
    generators' effects nevertheless. In a small pool the songs that are voted on have effects of their own.
    """

    def one(rng: np.random.Generator) -> tuple[float, float]:
        listeners = Listeners.draw(rng, 12)
        seen = listeners.vote_in_a_small_pool(rng, votes) if small_pool else listeners.vote(rng, votes)[0]
        model = _fitted(seen if fit_songs else replace(seen, songs=None))
        tested, chances = listeners.vote(rng, TESTED)
        if not told:
            tested = replace(tested, generators=[("", "")] * TESTED)
        odds, variance = model.log_odds(tested)
        low, high = (mean_chance(odds + far * np.sqrt(variance), 0.0) for far in (-Z95, Z95))
        return float(np.mean((low <= chances) & (chances <= high))), float(np.mean(high - low))

    within, width = _mean(runs, one)
    return within, width


def loss_of_accuracy(votes: int, runs: int, generators: int = 12) -> float:
    """Return the best possible accuracy minus the model's on new pairs, after this number of votes."""

    def one(rng: np.random.Generator) -> float:
        listeners = Listeners.draw(rng, generators)
        seen, _ = listeners.vote(rng, votes)
        return _gap(_fitted(seen), *listeners.vote(rng, TESTED))

    return _mean(runs, one)[0]


def loss_after_a_change(after: int, half_life: float | None, runs: int, change: float = CHANGE) -> tuple[float, float]:
    """Return the best accuracy minus the model's, on pairs with a generator that has changed and on all others.

    Its effect grew by `change` after BEFORE_CHANGE votes; `after` votes were given since.
    """

    def one(rng: np.random.Generator) -> tuple[float, float]:
        old = Listeners.draw(rng, 12)
        new = Listeners(old.weight, old.effects + change * (np.arange(12) == 0))
        seen = _joined(old.vote(rng, BEFORE_CHANGE)[0], new.vote(rng, after)[0])
        model = _fitted(seen if half_life is None else seen.forgetting(half_life))
        tested, chances = new.vote(rng, 4 * TESTED)
        changed = np.array([_name(0) in pair for pair in tested.generators])
        rows = [np.flatnonzero(mask) for mask in (changed, ~changed)]
        changed_gap, other_gap = (_gap(model, tested[row], chances[row]) for row in rows)
        return changed_gap, other_gap

    changed, others = _mean(runs, one)
    return changed, others


def shift_by_a_manipulator(share: float, votes: int, runs: int) -> tuple[float, float, float]:
    """Return how far a manipulator moves the chance of the favoured generator against the average of the others.

    `share` of the votes are on pairs with this generator, and always for it. Also return its chance without them, and
    by how much the accuracy on all pairs falls.
    """

    def one(rng: np.random.Generator) -> tuple[float, float, float]:
        listeners = Listeners.draw(rng, 12)
        bad = round(share * votes)
        honest, _ = listeners.vote(rng, votes - bad)
        pairs = [(_name(0), _name(other)) for other in rng.integers(1, 12, bad)]
        for_it = Outcomes(rng.normal(size=(bad, 1)), pairs, np.ones(bad), np.zeros(bad))
        clean, moved = _fitted(honest), _fitted(_joined(honest, for_it))
        others = [(_name(0), _name(other)) for other in range(1, 12)]
        against = Outcomes(np.zeros((11, 1)), others, np.ones(11), np.ones(11))
        tested = listeners.vote(rng, TESTED)
        before, after = (float(mean_chance(*model.log_odds(against)).mean()) for model in (clean, moved))
        return after - before, before, _gap(moved, *tested) - _gap(clean, *tested)

    shift, before, fall = _mean(runs, one)
    return shift, before, fall


def _coverage_table(runs: int) -> SimulationTable:
    cases: dict[str, Callable[[int], tuple[float, float]]] = {
        "generators told": partial(coverage, runs=runs),
        "generators not told": partial(coverage, runs=runs, told=False),
        f"votes on {POOL} songs with effects of their own": partial(coverage, runs=runs, small_pool=True),
        "the same, without fitting these effects": partial(coverage, runs=runs, small_pool=True, fit_songs=False),
    }
    found = [(votes, [case(votes) for case in cases.values()]) for votes in VOTES]
    rows = [(str(votes), *(f"{100 * share:.0f}; {100 * width:.0f}" for share, width in each)) for votes, each in found]
    return SimulationTable(
        "True chances within the 95% interval, and the interval's mean width, both in %",
        ("votes", *cases),
        tuple(rows),
    )


def _speed_table(runs: int) -> SimulationTable:
    rows = [(votes, [loss_of_accuracy(votes, runs, count) for count in GENERATORS]) for votes in VOTES]
    return SimulationTable(
        "The best possible accuracy minus the model's, in points",
        ("votes", *(f"{count} generators" for count in GENERATORS)),
        tuple((str(votes), *(f"{100 * gap:.1f}" for gap in gaps)) for votes, gaps in rows),
    )


def _drift_table(runs: int) -> SimulationTable:
    rows = []
    for name, change in (("a generator changed", CHANGE), ("nothing changed", 0.0)):
        for after in AFTER_CHANGE:
            gaps = [loss_after_a_change(after, half_life, runs, change) for half_life in HALF_LIVES]
            rows.append((f"{name}, {after} votes later", *(f"{100 * it:.1f}; {100 * rest:.1f}" for it, rest in gaps)))
    return SimulationTable(
        "The best possible accuracy minus the model's, in points, on pairs with the generator that may have changed; "
        "on other pairs",
        ("", *("all votes count the same" if each is None else f"half-life {each} votes" for each in HALF_LIVES)),
        tuple(rows),
    )


def _manipulation_table(runs: int) -> SimulationTable:
    rows = []
    for share in SHARES:
        found = [shift_by_a_manipulator(share, votes, runs) for votes in (500, 5000)]
        rows.append((f"{100 * share:.0f} %", *(f"{100 * shift:+.1f}; {100 * fall:+.1f}" for shift, _, fall in found)))
    return SimulationTable(
        "What votes for one generator alone change, in points: its chance against the others; the loss of accuracy",
        ("share of such votes", "of 500 votes", "of 5000 votes"),
        tuple(rows),
    )


def _mean(runs: int, one: Callable[[np.random.Generator], float | tuple[float, ...]]) -> list[float]:
    """Return the mean of each of the figures that `one` gives in each run."""
    figures: list[float] = np.mean(
        [np.atleast_1d(one(np.random.default_rng(seed))) for seed in range(runs)], 0
    ).tolist()
    return figures


def _fitted(seen: Outcomes) -> LearnedModel:
    return learn("", "", PRIOR, seen)


def _joined(first: Outcomes, second: Outcomes) -> Outcomes:
    return Outcomes(
        np.concatenate([first.differences, second.differences]),
        [*first.generators, *second.generators],
        np.concatenate([first.won, second.won]),
        np.concatenate([first.lost, second.lost]),
    )


def _gap(model: LearnedModel, tested: Outcomes, chances: np.ndarray) -> float:
    """Return the best possible accuracy minus the model's. An even prediction is half right."""
    odds, _ = model.log_odds(tested)
    right = np.where(odds > 0, chances, np.where(odds < 0, 1 - chances, 0.5))
    return float(np.mean(np.maximum(chances, 1 - chances) - right))


def _name(number: int) -> str:
    return f"generator {number}"
