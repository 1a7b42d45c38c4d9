"""Measures how well judges predicted people's votes, and whether listeners favour a side.

Every figure is on decided votes: votes for A or for B. A tie or "both bad" counts neither for a judge nor against it;
the number of such votes is given beside the figures. Suspicious votes never count. Swapping the songs of any battle,
together with its predictions, changes only the figures about sides. Figures on fewer than 30 votes say little, whatever
their interval is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal, get_args

import numpy as np

from ..core.intervals import Z95, ConfidenceInterval
from ..core.text import message
from ..preference.calibration import CalibrationBin, calibrate
from ..storage.records import Prediction, Source, Vote
from .ratings import FEW_VOTES


@dataclass(frozen=True)
class GeneratorAgreement:
    """Agreement on the decided votes between two generators, or between two songs of one generator.

    The names in `generators` are in alphabetical order.
    """

    generators: tuple[str, str]
    decided: int
    agreed: ConfidenceInterval


@dataclass(frozen=True)
class Agreement:
    """Compares the predictions of one judge with people's choices, on the `decided` votes that it had predicted.

    `agreed` is the share of votes whose winner the judge favoured; an even prediction is half right. `brier` is the
    mean squared error of its probabilities (0.25 for a constant half). `always_a` is the share of the same votes that A
    won. `gain` is `agreed` minus `always_a`. Intervals of shares are Wilson's; the intervals of `brier` and `gain` are
    those of a normal mean.
    """

    judge: str
    decided: int
    ties: int
    agreed: ConfidenceInterval
    brier: ConfidenceInterval
    always_a: ConfidenceInterval
    gain: ConfidenceInterval
    calibration: tuple[CalibrationBin, ...]
    generators: tuple[GeneratorAgreement, ...]

    @property
    def preliminary(self) -> bool:
        """Return whether there are too few votes to rely on."""
        return self.decided < FEW_VOTES

    @property
    def against_chance(self) -> Literal["better", "worse", "unclear"]:
        """Return "better" if the interval of `agreed` lies above a half, "worse" if it lies below.

        Return "unclear" if the interval contains a half.
        """
        return _against_half(self.agreed)


@dataclass(frozen=True)
class AgreementReport:
    """Agreement of judges with the votes on songs from one source, without suspicious votes.

    `judges` are those that had predicted a decided vote. `a` is the share of votes for A among the decided votes, with
    Wilson's interval. It is None if no vote is decided.
    """

    source: Source
    votes: int
    decided: int
    a: ConfidenceInterval | None
    judges: tuple[Agreement, ...]

    @property
    def sides(self) -> str:
        """Return a sentence that says whether listeners favour a side."""
        if self.a is None:
            return "No vote has been decided yet."
        against = _against_half(self.a)
        finding = "no favour for a side shows"
        if against != "unclear":
            finding = message("listeners favour {side} for its side alone", side="A" if against == "better" else "B")
        return message(
            "A won {percent} % of {decided} decided votes: {finding}.",
            percent=self.a.percent,
            decided=self.decided,
            finding=finding,
        )

    def judge(self, name: str) -> Agreement | None:
        """Return the judge's agreement so far, or None if it has predicted no decided vote."""
        return next((judge for judge in self.judges if judge.judge == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        judges = [
            asdict(judge) | {"preliminary": judge.preliminary, "against_chance": judge.against_chance}
            for judge in self.judges
        ]
        return asdict(self) | {"sides": self.sides, "judges": judges}


def measure_agreement(votes: Iterable[Vote]) -> dict[Source, AgreementReport]:
    """Measure agreement on the pool's songs and, separately, on visitors' uploads."""
    good: dict[Source, list[Vote]] = {source: [] for source in get_args(Source)}
    for vote in votes:
        if not vote.suspicion:
            good[vote.battle.source].append(vote)
    return {source: _panel(source, found) for source, found in good.items()}


def wilson(hits: float, of: int) -> ConfidenceInterval:
    """Return the share `hits / of` with its 95% score interval (Wilson 1927); `of` is at least 1."""
    centre, spread = (hits + Z95**2 / 2) / (of + Z95**2), sqrt(hits * (of - hits) / of + Z95**2 / 4)
    half, share = Z95 / (of + Z95**2) * spread, hits / of
    return ConfidenceInterval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def _mean(values: np.ndarray, least: float) -> ConfidenceInterval:
    """Return the mean of `values` [N], which lie between `least` and 1, with its normal 95% interval.

    For a single value the interval is the whole range from `least` to 1.
    """
    mean = float(values.mean())
    if len(values) < 2:
        return ConfidenceInterval(mean, least, 1.0)
    half = Z95 * float(values.std(ddof=1)) / sqrt(len(values))
    return ConfidenceInterval(mean, max(least, mean - half), min(1.0, mean + half))


def _against_half(share: ConfidenceInterval) -> Literal["better", "worse", "unclear"]:
    if share.low <= 0.5 <= share.high:
        return "unclear"
    return "better" if share.value > 0.5 else "worse"


def _panel(source: Source, votes: Sequence[Vote]) -> AgreementReport:
    predicted: dict[str, list[tuple[Vote, Prediction]]] = defaultdict(list)
    for vote in votes:
        for prediction in vote.battle.predictions:
            predicted[prediction.judge].append((vote, prediction))
    decided = [vote for vote in votes if _decided(vote)]
    return AgreementReport(
        source,
        len(votes),
        len(decided),
        wilson(sum(vote.winner == "a" for vote in decided), len(decided)) if decided else None,
        tuple(
            _agreement(judge, found)
            for judge, found in sorted(predicted.items())
            if any(_decided(vote) for vote, _ in found)
        ),
    )


def _decided(vote: Vote) -> bool:
    return vote.winner in ("a", "b")


def _agreement(judge: str, predicted: Sequence[tuple[Vote, Prediction]]) -> Agreement:
    decided = [(vote, prediction.probability) for vote, prediction in predicted if _decided(vote)]
    chance = np.array([chance for _, chance in decided])
    a_won = np.array([vote.winner == "a" for vote, _ in decided], float)
    right = np.where(chance == 0.5, 0.5, (chance > 0.5) == a_won)
    return Agreement(
        judge=judge,
        decided=len(decided),
        ties=len(predicted) - len(decided),
        agreed=_share(right),
        brier=_mean((chance - a_won) ** 2, 0.0),
        always_a=_share(a_won),
        gain=_mean(right - a_won, -1.0),
        calibration=calibrate(np.maximum(chance, 1 - chance), lambda rows: _share(right[rows])),
        generators=tuple(_between([vote for vote, _ in decided], right)),
    )


def _share(right: np.ndarray) -> ConfidenceInterval:
    return wilson(float(right.sum()), len(right))


def _between(votes: Sequence[Vote], right: np.ndarray) -> Iterator[GeneratorAgreement]:
    """Yield the agreement for each pair of generators, the pair with the most votes first."""
    hits: dict[tuple[str, str], list[float]] = defaultdict(list)
    for vote, hit in zip(votes, right, strict=True):
        first, second = sorted((vote.battle.a.generator, vote.battle.b.generator))
        if first:
            hits[first, second].append(float(hit))
    for generators, found in sorted(hits.items(), key=lambda item: (-len(item[1]), item[0])):
        yield GeneratorAgreement(generators, len(found), wilson(sum(found), len(found)))
