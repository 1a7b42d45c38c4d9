"""Votes of simulated listeners with tastes of their own: how often the intervals of ratings hold the true ratings.

Each song has a strength, with a deviation of 0.8 over the songs. Each listener adds a liking of each song and of each
generator, with a deviation of `taste` each. The number of a listener's votes is log-normal: a few listeners give many.
The true rating is what the model would find with infinitely many listeners.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from ..arena.listeners import Ballot, excess_of
from ..arena.ratings import By, Excess, rate, results_of, strengths_of
from ..storage.records import Song
from ..storage.vote_counts import PairResults, VoteCounts
from .simulated_votes import SimulationTable

SONGS, MAKERS, DEVIATION = 20, 4, 0.8
ENDLESS = 10**6
"""Number of votes on each pair of songs that stands for infinitely many."""
DRAWS = 100
CASES = (
    *((200, 2, 0.0), (15, 15, 0.0)),
    *((10, 40, 0.8), (20, 40, 0.8), (30, 40, 0.8), (50, 24, 0.8), (100, 12, 0.8), (300, 4, 0.8), (100, 12, 0.4)),
)
"""Numbers of listeners, their mean numbers of votes, and the deviation of their tastes."""


@dataclass(frozen=True)
class SimulatedBallots:
    """Votes of simulated listeners, and the votes that infinitely many listeners would give."""

    ballots: list[Ballot]
    counts: VoteCounts
    truth: VoteCounts

    @staticmethod
    def draw(rng: np.random.Generator, listeners: int, mean_votes: float, taste: float) -> "SimulatedBallots":
        """Return votes of `listeners` who like each song and each generator more or less than others do."""
        from scipy.special import expit as sigmoid

        names = [f"song {number}" for number in range(SONGS)]
        makers = np.arange(SONGS) % MAKERS
        songs = {name: Song(name, generator=f"generator {maker}") for name, maker in zip(names, makers, strict=True)}
        strengths = rng.normal(0, DEVIATION, SONGS)
        own = rng.normal(0, taste, (listeners, SONGS)) + rng.normal(0, taste, (listeners, MAKERS))[:, makers]
        numbers = np.maximum(1, mean_votes * rng.lognormal(-0.5, 1.0, listeners)).astype(int)
        voter = np.repeat(np.arange(listeners), numbers)
        a = rng.integers(SONGS, size=len(voter))
        b = (a + rng.integers(1, SONGS, size=len(voter))) % SONGS
        liked = strengths + own
        won = rng.random(len(voter)) < sigmoid(liked[voter, a] - liked[voter, b])
        ballots: list[Ballot] = [
            (names[i], names[j], "a" if first else "b", f"voter {who}")
            for i, j, first, who in zip(a, b, won, voter, strict=True)
        ]
        pairs = [(a, b, winner == "a", winner == "b", 0, 0) for a, b, winner, _ in ballots]
        deviations = taste * np.sqrt(2 + 2 * (makers[:, None] != makers))
        points, weights = np.polynomial.hermite_e.hermegauss(40)
        odds = (strengths[:, None] - strengths)[..., None] + deviations[..., None] * points
        wins = np.rint(ENDLESS * sigmoid(odds) @ weights / weights.sum()).astype(int)
        endless = [
            (names[i], names[j], wins[i, j], wins[j, i], 0, 0) for i, j in np.argwhere(~np.eye(SONGS, dtype=bool))
        ]
        return SimulatedBallots(ballots, VoteCounts(songs, pairs=pairs), VoteCounts(songs, pairs=endless))


def interval_coverage(
    listeners: int, mean_votes: float, taste: float, runs: int, by: By = "song", bootstrap: bool = True
) -> dict[str, tuple[float, float]]:
    """Return the share of true ratings within their 95% intervals, and their mean width, for each kind of interval.

    The kinds are those as if votes were independent, those by listeners, and the percentiles of the Bayesian bootstrap
    over listeners, which has one exponential weight for each listener.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        drawn = SimulatedBallots.draw(rng, listeners, mean_votes, taste)
        true = {row.key: row.rating for row in rate(drawn.truth, by)}
        excess = excess_of(drawn.ballots, drawn.counts, by, least=1)
        known: Excess = {by: excess} if excess else {}
        kinds = {"votes": rate(drawn.counts, by), "listeners": rate(drawn.counts, by, excess=known)}
        intervals = {kind: [(row.key, row.low, row.high) for row in rows] for kind, rows in kinds.items()}
        if bootstrap:
            intervals["bootstrap"] = [
                (key, *np.quantile(chances, [0.025, 0.975]))
                for key, chances in resampled(rng, drawn, by, DRAWS).items()
            ]
        for kind, rows in intervals.items():
            held = np.mean([low <= true[key] <= high for key, low, high in rows])
            found.setdefault(kind, []).append((float(held), float(np.mean([high - low for _, low, high in rows]))))
    means = {kind: np.mean(figures, 0).tolist() for kind, figures in found.items()}
    return {kind: (held, width) for kind, (held, width) in means.items()}


def resampled(rng: np.random.Generator, drawn: SimulatedBallots, by: By, draws: int) -> dict[str, np.ndarray]:
    """Return the ratings [draws] of each key if each listener's votes count with an exponential weight."""
    keys = results_of(drawn.counts, by).keys
    place = {key: number for number, key in enumerate(keys)}
    names = {id: id if by == "song" else song.generator for id, song in drawn.counts.songs.items()}
    votes = [(place[names[a]], place[names[b]], won == "a", voter) for a, b, won, voter in drawn.ballots]
    a, b, won = np.array([vote[:3] for vote in votes if vote[0] != vote[1]]).T
    _, voter = np.unique([vote[3] for vote in votes if vote[0] != vote[1]], return_inverse=True)
    numbers = np.array([won, 1 - won, 0 * won, 0 * won])
    weights = rng.exponential(size=(draws, voter.max() + 1))[:, voter]
    chances = [strengths_of(PairResults.of(keys, a, b, numbers * each)).chances() for each in weights]
    return dict(zip(keys, np.transpose(chances), strict=True))


def listener_table(runs: int) -> SimulationTable:
    """Return the coverage of each kind of interval as a table."""
    rows = []
    for listeners, mean_votes, taste in CASES:
        found = [interval_coverage(listeners, mean_votes, taste, runs, by) for by in get_args(By)]
        cells = [f"{100 * held:.0f}; {100 * width:.0f}" for kinds in found for held, width in kinds.values()]
        rows.append((f"{listeners} listeners, {mean_votes:.0f} votes each, tastes {taste:.1f}", *cells))
    kinds = "votes are independent", "by listeners", "bootstrap over listeners"
    return SimulationTable(
        "True ratings within the 95% interval, and the interval's mean width, both in %",
        ("", *(f"{by}s: {kind}" for by in get_args(By) for kind in kinds)),
        tuple(rows),
    )
