"""Measures how well judges predicted people's votes, and whether listeners favour a side.

Every figure is on decided votes: votes for A or for B. A tie or "both bad" counts neither for a judge nor against it;
the number of such votes is given beside the figures. Suspicious votes never count. Swapping the songs of any battle,
together with its predictions, changes only the figures about sides. Figures on fewer than 30 votes say little, whatever
their interval is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from math import sqrt
from typing import Any, Literal, get_args

from ..core.intervals import FAVOURITE_EDGES, Z95, ConfidenceInterval, wilson
from ..core.text import message
from ..preference.calibration import CalibrationBin
from ..storage.records import Source
from ..storage.vote_counts import PredictedGroup, PredictionSums, SourceTotals, VoteCounts
from .ratings import FEW_VOTES, MIN_VOTES


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
    def unrated(self) -> bool:
        """Return whether there are too few votes to show how often the judge agreed."""
        return self.decided < MIN_VOTES

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
    Wilson's interval. It is None if no vote is decided. `side` is the chance of A against an equally good song, as it
    was fitted with the ratings. It is None for songs that are not rated.
    """

    source: Source
    votes: int
    decided: int
    a: ConfidenceInterval | None
    judges: tuple[Agreement, ...]
    side: ConfidenceInterval | None = None

    @property
    def sides(self) -> str:
        """Return a sentence that says whether listeners favour a side."""
        if self.a is None:
            return "No vote has been decided yet."
        if self.decided < MIN_VOTES:
            return "There are too few votes to say whether listeners favour a side."
        share = self.side or self.a
        finding = "there is no sign that listeners favour a side"
        if (against := _against_half(share)) != "unclear":
            finding = message("listeners favour {side} for its side alone", side="A" if against == "better" else "B")
        if self.side is None:
            told = "A won {percent} % of {decided} decided votes: {finding}."
            return message(told, percent=share.percent, decided=self.decided, finding=finding)
        value, low, high = (f"{100 * number:.0f}" for number in vars(share).values())
        told = (
            "Song A, on the left or on top, is preferred to an equally good one in {value}% of votes (95% interval "
            "{low} to {high}): {finding}. The ratings do not include this."
        )
        return message(told, value=value, low=low, high=high, finding=finding)

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


def measure_agreement(counts: VoteCounts, side: ConfidenceInterval | None = None) -> dict[Source, AgreementReport]:
    """Measure agreement on the pool's songs and, separately, on visitors' uploads.

    `side` is the side's effect that was fitted to votes on the pool's songs.
    """
    return {
        source: replace(_report(source, counts), side=side if source == "pool" else None) for source in get_args(Source)
    }


def mean_interval(total: float, squares: float, of: int, least: float) -> ConfidenceInterval:
    """Return the mean of `of` values, given their sum and that of their squares, with its normal 95% interval.

    The values lie between `least` and 1. For a single value the interval is the whole range.
    """
    mean = total / of
    if of < 2:
        return ConfidenceInterval(mean, least, 1.0)
    half = Z95 * sqrt(max(0.0, squares - of * mean**2) / (of - 1) / of)
    return ConfidenceInterval(mean, max(least, mean - half), min(1.0, mean + half))


def _against_half(share: ConfidenceInterval) -> Literal["better", "worse", "unclear"]:
    if share.low <= 0.5 <= share.high:
        return "unclear"
    return "better" if share.value > 0.5 else "worse"


def _report(source: Source, counts: VoteCounts) -> AgreementReport:
    totals = counts.totals.get(source, SourceTotals())
    decided = totals.a + totals.b
    judges: dict[str, dict[PredictedGroup, PredictionSums]] = defaultdict(dict)
    for group, sums in counts.predicted.items():
        if group.source == source:
            judges[group.judge][group] = sums
    return AgreementReport(
        source,
        totals.votes,
        decided,
        wilson(totals.a, decided) if decided else None,
        tuple(
            _agreement(judge, groups)
            for judge, groups in sorted(judges.items())
            if any(sums.decided for sums in groups.values())
        ),
    )


def _agreement(judge: str, groups: Mapping[PredictedGroup, PredictionSums]) -> Agreement:
    total = _total(groups.values())
    return Agreement(
        judge=judge,
        decided=total.decided,
        ties=total.ties,
        agreed=wilson(total.hits, total.decided),
        brier=mean_interval(total.error, total.error_squared, total.decided, 0.0),
        always_a=wilson(total.a, total.decided),
        gain=mean_interval(total.hits - total.a, total.gain_squared, total.decided, -1.0),
        calibration=tuple(_calibration(groups, total.decided)),
        generators=tuple(_between(groups)),
    )


def _total(sums: Iterable[PredictionSums]) -> PredictionSums:
    return PredictionSums(*map(sum, zip(*map(astuple, sums), strict=True)))


def _grouped(
    groups: Mapping[PredictedGroup, PredictionSums], key: Callable[[PredictedGroup], Any]
) -> dict[Any, PredictionSums]:
    """Return the sums over the groups with the same key that have decided votes."""
    found: dict[Any, list[PredictionSums]] = defaultdict(list)
    for group, sums in groups.items():
        if sums.decided:
            found[key(group)].append(sums)
    return {key: _total(each) for key, each in found.items()}


def _calibration(groups: Mapping[PredictedGroup, PredictionSums], decided: int) -> Iterator[CalibrationBin]:
    for bin, sums in sorted(_grouped(groups, lambda group: group.bin).items()):
        low, high = FAVOURITE_EDGES[bin : bin + 2]
        won = wilson(sums.hits, sums.decided)
        yield CalibrationBin(low, high, sums.decided / decided, sums.chance / sums.decided, won)


def _between(groups: Mapping[PredictedGroup, PredictionSums]) -> Iterator[GeneratorAgreement]:
    """Yield the agreement for each pair of generators, the pair with the most votes first."""
    found = _grouped(groups, lambda group: (group.first, group.second))
    for generators, sums in sorted(found.items(), key=lambda item: (-item[1].decided, item[0])):
        if generators[0]:
            yield GeneratorAgreement(generators, sums.decided, wilson(sums.hits, sums.decided))
