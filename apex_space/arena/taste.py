"""What the votes of one visitor say: which scores they weigh otherwise than others do, and whom they agree with.

A visitor's weights are learned from their votes as those of all listeners are, but the prior is what others weigh, with
WEIGHT_DEVIATION. So a difference is found only as far as the votes show it, and its interval is the posterior's. What
others weigh is taken as certain. Nothing here depends on whether a vote is suspicious, which its voter must not learn.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from ..core.intervals import Z95, ConfidenceInterval, hit, wilson
from ..preference.learned import Prior
from ..storage.records import SongScores, Vote
from ..storage.vote_counts import tally
from .learning import learn_from_choices
from .ratings import MIN_VOTES, Rating, numbers_of, rate

MIN_OWN = 8
"""Number of a visitor's votes on songs of the pool below which nothing is said of their taste."""
_one = ThreadPoolExecutor(1, "taste")
"""The thread that fits for all visitors. Only one thread of a process can limit the threads of matrix products."""


@dataclass(frozen=True)
class Agreed:
    """How many of a visitor's `votes` for A or B somebody agreed with. An even prediction is half right.

    `name` is a judge's; it is empty for the crowd.
    """

    name: str
    right: float
    votes: int

    @property
    def share(self) -> ConfidenceInterval:
        """Return the share of the votes with its 95% interval."""
        return wilson(self.right, self.votes)


@dataclass(frozen=True)
class Weighing:
    """How much more a visitor weighs a score than others do, in log-odds of a usual difference, with a 95% interval."""

    axis: str
    more: ConfidenceInterval


@dataclass(frozen=True)
class Taste:
    """What is known from a number of `votes` on songs of the pool.

    `weighings` are of the scores by `judge`; there are none if it is not known how others weigh them. `crowd` is None
    if no vote was on two songs that others have voted on often enough. `songs` are rated by these votes alone.
    """

    votes: int
    judge: str
    weighings: tuple[Weighing, ...]
    judges: tuple[Agreed, ...]
    crowd: Agreed | None
    songs: tuple[Rating, ...]


def measure_taste(
    votes: Sequence[Vote],
    scored: Iterable[SongScores],
    others: Callable[[str, str], Prior | None],
    crowd: Mapping[str, Rating],
    at: float,
) -> Taste:
    """Measure the taste of the visitor who cast these votes.

    `scored` are judges' scores of the songs. `others` returns what others weigh, by a judge and the revision of its
    weights. `crowd` has the ratings at the time `at` by the song's id. Visitors wait for each other here: the fits are
    small, but many at once would take the processor from everything else.
    """
    pool = [vote for vote in votes if vote.battle.source == "pool"]
    (judge, weighings), songs = _one.submit(_fit, pool, scored, others).result()
    return Taste(len(pool), judge, weighings, against_judges(pool), _with_crowd(pool, crowd, at), songs)


def _fit(
    votes: Sequence[Vote], scored: Iterable[SongScores], others: Callable[[str, str], Prior | None]
) -> tuple[tuple[str, tuple[Weighing, ...]], tuple[Rating, ...]]:
    """Return what votes on songs of the pool say of scores, and of the songs."""
    with _blas().limit(limits=1, user_api="blas"):  # several threads only wait for each other in such small fits
        return _weighings(votes, scored, others), rate(tally(replace(vote, suspicion="") for vote in votes))


@cache
def _blas() -> ThreadpoolController:
    """Return what limits the threads of matrix products."""
    import scipy.linalg  # noqa: F401  (its library must be loaded to be found)

    return ThreadpoolController()


def against_judges(votes: Iterable[Vote]) -> tuple[Agreed, ...]:
    """Return how many of the votes each judge foresaw, in alphabetical order."""
    right: dict[str, float] = defaultdict(float)
    decided: dict[str, int] = defaultdict(int)
    for vote in votes:
        for predicted in vote.battle.predictions if vote.winner in ("a", "b") else ():
            decided[predicted.judge] += 1
            right[predicted.judge] += hit(predicted.probability, vote.winner == "a")
    return tuple(Agreed(judge, right[judge], decided[judge]) for judge in sorted(decided))


def _weighings(
    votes: Sequence[Vote], scored: Iterable[SongScores], others: Callable[[str, str], Prior | None]
) -> tuple[str, tuple[Weighing, ...]]:
    """Return the judge whose scores fit the most votes and have the most axes, and how they are weighed."""
    choices = [(vote.battle.a.id, vote.battle.b.id, vote.winner) for vote in votes if vote.winner in ("a", "b")]
    makers = {song.id: song.generator for vote in votes for song in (vote.battle.a, vote.battle.b)}
    by_judge: dict[tuple[str, str], dict[str, SongScores]] = {}
    for each in scored:
        by_judge.setdefault((each.judge, each.revision), {})[each.song] = each
    priors = {key: prior for key in by_judge if (prior := others(*key))}
    if not priors:
        return "", ()

    def fitting(key: tuple[str, str]) -> tuple[int, int]:
        known = by_judge[key]
        return sum(a in known and b in known for a, b, _ in choices), len(priors[key].axes)

    judge, revision = best = max(priors, key=fitting)
    try:
        model = learn_from_choices(judge, revision, by_judge[best], makers, choices, prior=priors[best])
    except (ValueError, ArithmeticError):  # no vote is on two songs with scores
        return "", ()
    found = []
    for place, (axis, weight) in enumerate(zip(model.prior.axes, model.prior.weights, strict=True)):
        more, far = model.mean[place] - weight, Z95 * math.sqrt(model.covariance[place][place])
        found.append(Weighing(axis, ConfidenceInterval(more, more - far, more + far)))
    return judge, tuple(found)


def _with_crowd(votes: Sequence[Vote], crowd: Mapping[str, Rating], at: float) -> Agreed | None:
    """Return how often the preferred song is the one that other voters prefer more often.

    The visitor's own votes are left out of the crowd's. A song needs MIN_VOTES votes of others.
    """
    own = numbers_of(tally(vote for vote in votes if vote.at <= at))
    right, decided = 0.0, 0
    for vote in votes:
        a, b = (
            _share_of_others(crowd.get(song.id), own.get(song.id, (0, 0, 0))) for song in (vote.battle.a, vote.battle.b)
        )
        if vote.winner in ("a", "b") and a is not None and b is not None and a != b:
            decided += 1
            right += (a > b) == (vote.winner == "a")
    return Agreed("", right, decided) if decided else None


def _share_of_others(all_votes: Rating | None, own: tuple[float, float, float]) -> float | None:
    """Return the share of wins without one's own wins, losses and ties, or None if others have too few votes."""
    if all_votes is None:
        return None
    votes, wins, ties = all_votes.votes - sum(own), all_votes.wins - own[0], all_votes.ties - own[2]
    return (wins + ties / 2) / votes if votes >= MIN_VOTES else None
