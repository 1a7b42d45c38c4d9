"""Learns from votes which of two songs people prefer: what a judge's scores are worth, and how good generators are.

The log-odds that a listener who picks one of two songs picks A are w . (A's scores - B's) / scale + g_A - g_B. Before
any vote, the weights w [A] are normal as the `Prior` says, and so is the effect g of each generator, with mean 0 unless
a preference head knows the generator. The votes turn this into a posterior, which is taken as normal at its peak
(Laplace's method). A song whose generator is not known, or has no votes, has an effect of mean 0 and the prior's
deviation: it does not move the prediction, but it widens the interval.

A song that is in several pairs also has an effect of its own, normal with mean 0, which other songs do not tell. It is
fitted, so that many votes on few songs do not seem to say everything about a score or a generator, and then left out:
the model predicts the chance of songs with such scores by such generators.

A predicted probability is the mean over the posterior, so it is nearer to a half than the most likely one. Its interval
holds the probability of the weights and effects with 95%. Ties and "both bad" teach nothing. The votes are treated as
independent, although one listener may give many of them.

The published anchor calibration of TuneJury (arXiv 2606.17006) is the special case of one weight that is fixed at 1,
effects with a deviation of (2 l2)^-1/2, and possibly one generator whose effect is fixed at 0.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import FiniteFloat, NonNegativeFloat, NonNegativeInt, PositiveFloat, TypeAdapter, ValidationError

from ..core.errors import PreferenceError
from ..core.intervals import Z95
from ..judges.report import Scores
from .head import MAX_GENERATORS, GeneratorEffect, Preference, PreferenceHead, score_differences

ONE_MAKER = "one maker"
"""Stands for the generator or artist of both songs."""
WEIGHT_DEVIATION = 0.5
"""Deviation of the log-odds of a usual pair of songs that is allowed for before any vote, because a judge may be worth
more or less on these songs and to these listeners than where its head was fitted."""
GENERATOR_DEVIATION = 0.71
"""Deviation of a generator's effect before any vote: that of the published anchor calibration, 2^-1/2."""
SONG_DEVIATION = 0.5
"""Deviation of a song's own effect before any vote."""
MAX_SONGS = 1000
"""Maximum number of songs whose own effects are fitted. The time grows with the third power of it."""
COVARIANCE_DIGITS = 5
MAX_STEPS = 100
CLOSE = 1e-9
"""Largest change of a log-odds in the last step of Newton's method."""

Matrix = tuple[tuple[FiniteFloat, ...], ...]


@dataclass(frozen=True)
class Prior:
    """What is believed before any vote.

    `weights` [A] and `covariance` [A, A] are those of w; an axis without variance keeps its weight. `deviation` is that
    of a generator's effect, `song_deviation` that of a song's own effect. The `pinned` generators have an effect of
    exactly 0. The `effects` are of generators of which more is known.
    """

    axes: tuple[str, ...]
    scale: tuple[PositiveFloat, ...]
    weights: tuple[FiniteFloat, ...]
    covariance: Matrix
    deviation: NonNegativeFloat = GENERATOR_DEVIATION
    song_deviation: NonNegativeFloat = SONG_DEVIATION
    pinned: tuple[str, ...] = ()
    effects: tuple[GeneratorEffect, ...] = ()

    @staticmethod
    def of_head(head: PreferenceHead) -> "Prior":
        """Return a preference head's coefficients and generators' effects, less certain by WEIGHT_DEVIATION.

        No effect is less certain than that of an unknown generator.
        """
        covariance = np.array(head.covariance) + _doubt(len(head.axes))
        effects = tuple(
            replace(each, deviation=min(GENERATOR_DEVIATION, math.hypot(each.deviation, WEIGHT_DEVIATION)))
            for each in head.generators
        )
        return Prior(head.axes, head.scale, head.coefficients, _rows(covariance), effects=effects)

    @staticmethod
    def of_slope(axes: Sequence[str], slope: float, deviation: float) -> "Prior":
        """Return a worth of `slope`, with its deviation, for a point of the mean score; less certain for each score.

        Raises PreferenceError without axes.
        """
        count = len(axes)
        if not count:
            raise PreferenceError("There are no scores to apply the rule to.")
        covariance = np.full((count, count), (deviation / count) ** 2) + _doubt(count) / count
        return Prior(tuple(axes), (1.0,) * count, (slope / count,) * count, _rows(covariance))

    @staticmethod
    def without_head(
        axes: Sequence[str],
        scale: Sequence[float],
        weights: Sequence[float] = (),
        deviation: float = WEIGHT_DEVIATION,
    ) -> "Prior":
        """Return weights of 0, or those given, with `deviation`. `scale` is a usual difference of each score."""
        weights = tuple(weights) or (0.0,) * len(axes)
        return Prior(tuple(axes), tuple(scale), weights, _rows(_doubt(len(axes), deviation)))


@dataclass(frozen=True)
class Outcomes:
    """P pairs of songs and how listeners chose between them.

    `differences` [P, A] are A's scores minus B's. `generators` has the names of A's and B's, empty if unknown. `won`
    [P] and `lost` [P] are how often A and B were picked; older votes may count for less than one. `songs` [P, 2] are
    the numbers of A and B, from 0; None if no song is in two pairs.
    """

    differences: np.ndarray
    generators: Sequence[tuple[str, str]]
    won: np.ndarray
    lost: np.ndarray
    songs: np.ndarray | None = None

    @staticmethod
    def none(axes: int) -> "Outcomes":
        """Return no outcomes, of scores on this number of axes."""
        return Outcomes(np.zeros((0, axes)), (), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.won)

    def __getitem__(self, rows: np.ndarray) -> "Outcomes":
        """Return the pairs with these numbers, in this order."""
        generators = [self.generators[row] for row in rows]
        songs = None if self.songs is None else self.songs[rows]
        return Outcomes(self.differences[rows], generators, self.won[rows], self.lost[rows], songs)

    def forgetting(self, half_life: float) -> "Outcomes":
        """Return outcomes in which a pair counts half as much as one that came `half_life` pairs later."""
        weight = 0.5 ** (np.arange(len(self) - 1, -1, -1) / half_life)
        return replace(self, won=self.won * weight, lost=self.lost * weight)

    def without_generators(self) -> "Outcomes":
        """Return the same pairs as if no generator were known."""
        return replace(self, generators=[("", "")] * len(self))

    def bounded(self) -> "Outcomes":
        """Return outcomes that do not take too long: with at most MAX_GENERATORS, and MAX_SONGS with own effects."""
        few = replace(self, generators=_most_voted(self.generators, self.won + self.lost))
        many = few.songs is not None and len(np.unique(few.songs)) > MAX_SONGS
        return _without_songs(few) if many else few


@dataclass(frozen=True)
class LearnedPreference(Preference):
    """A prediction by a learned model. `generators` is the generators' part of the log-odds; positive favours A."""

    generators: float

    @property
    def spoke(self) -> Literal["scores", "generators"]:
        """Return which part of the log-odds is the larger one: that of the judge's scores, or that of generators."""
        return "generators" if abs(self.generators) > abs(math.fsum(self.contributions.values())) else "scores"


@dataclass(frozen=True)
class LearnedModel:
    """A judge's model after some votes, for scores by the `revision` of its weights.

    `mean` [K] and `covariance` [K, K] are those of the axes' weights, then those of the effects of `generators`.
    `votes` is the number of votes that it has learned from.
    """

    judge: str
    revision: str
    prior: Prior
    generators: tuple[str, ...]
    mean: tuple[FiniteFloat, ...]
    covariance: Matrix
    votes: NonNegativeInt

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the axes that have a weight."""
        return self.prior.axes

    @property
    def scale(self) -> tuple[float, ...]:
        """Return the usual differences of the scores, by which they are divided."""
        return self.prior.scale

    @property
    def coefficients(self) -> tuple[float, ...]:
        """Return the weights of the axes."""
        return self.mean[: len(self.axes)]

    def of_songs(self, a: Scores, b: Scores, one_maker: bool) -> Preference:
        """Predict from the scores of two songs of unknown origin, but perhaps by `one_maker`. Raises PreferenceError.

        The effect of a generator or artist that made both songs cancels.
        """
        maker = ONE_MAKER if one_maker else ""
        answer = self.of_scores(a, b, maker, maker)
        return Preference(answer.probability, answer.low, answer.high, answer.contributions)

    def of_scores(self, a: Scores, b: Scores, generator_a: str = "", generator_b: str = "") -> LearnedPreference:
        """Predict from two songs' scores and generators. Raises PreferenceError if a score is missing."""
        differences = score_differences(self.judge, self.prior.axes, a, b)
        weights = zip(self.mean, differences, self.prior.scale, strict=False)
        parts = [weight * difference / scale for weight, difference, scale in weights]
        effects = dict(zip(self.generators, self.mean[len(parts) :], strict=True))
        generators = effects.get(generator_a, 0.0) - effects.get(generator_b, 0.0)
        log_odds = math.fsum([*parts, generators])
        pair = Outcomes(np.array([differences]), [(generator_a, generator_b)], np.ones(1), np.zeros(1))
        variance = float(self.log_odds(pair)[1][0])
        favourite = float(mean_chance(abs(log_odds), variance))
        probability = favourite if log_odds >= 0 else 1 - favourite
        low, high = (float(sigmoid(log_odds + far * math.sqrt(variance))) for far in (-Z95, Z95))
        return LearnedPreference(
            probability=probability,
            low=min(low, probability),
            high=max(high, probability),
            contributions=dict(zip(self.prior.axes, parts, strict=True)),
            generators=generators,
        )

    def log_odds(self, pairs: Outcomes) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean [P] and the variance [P] of each pair's log-odds of A."""
        design = _design(self.prior, self.generators, pairs)
        known = {*self.generators, *self.prior.pinned}
        unknown = [sum(name not in known for name in pair if not _same(pair)) for pair in pairs.generators]
        variance = design.squares(self._covariance)
        return design.times(np.array(self.mean)), variance + self.prior.deviation**2 * np.array(unknown)

    @cached_property
    def _covariance(self) -> np.ndarray:
        return _square(self.covariance)

    @cached_property
    def version(self) -> str:
        """Return twelve hexadecimal digits that change with anything in the model."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """Return the model as JSON, with rounded numbers: the same votes give the same text everywhere.

        Of the covariance it has the lower triangle, which is most of the text.
        """
        triangle = [_plain(row[: place + 1], COVARIANCE_DIGITS) for place, row in enumerate(self.covariance)]
        return json.dumps(
            _plain(asdict(replace(self, covariance=()))) | {"covariance": triangle}, ensure_ascii=False, allow_nan=False
        )

    @staticmethod
    def from_json(text: str) -> "LearnedModel":
        """Return the model that `to_json` wrote. Raises ValueError if `text` is not a model."""
        try:
            model = TypeAdapter(LearnedModel).validate_python(json.loads(text))
        except (ValidationError, RecursionError) as error:
            raise ValueError(f"this is not a learned model: {error}") from error
        size = len(model.prior.axes) + len(model.generators)
        if len(model.mean) != size or [len(row) for row in model.covariance] != [*range(1, size + 1)]:
            raise ValueError("the mean and covariance of a learned model must have a row for each weight and effect")
        covariance = np.zeros((size, size))
        for place, row in enumerate(model.covariance):
            covariance[place, : place + 1] = covariance[: place + 1, place] = row
        return replace(model, covariance=_rows(covariance))


def learn(judge: str, revision: str, prior: Prior, outcomes: Outcomes, votes: int | None = None) -> LearnedModel:
    """Return the posterior after these outcomes. `votes` is their number; by default, the sum of all picks.

    The time grows with the number of pairs, not with how often each was voted on, and with the third power of the
    number of generators and of songs that are in several pairs. Raises ValueError if the scores are not finite.
    """
    if not np.isfinite(outcomes.differences).all():
        raise ValueError(f"the scores of {judge} are not finite; nothing can be learned from them")
    voted = {name for pair in outcomes.generators for name in pair}
    known = {each.generator: each for each in prior.effects}
    names = tuple(sorted({*voted, *known} - {"", *prior.pinned}))
    told = [known.get(name, GeneratorEffect(name, 0.0, prior.deviation)) for name in names]
    means, deviations = np.array([each.mean for each in told]), np.diag([each.deviation for each in told])
    if outcomes.songs is None:
        design, effects = _design(prior, names, outcomes), means
        root = wanted = _root(prior, deviations, np.zeros((len(names), 0))).toarray()
    else:
        design = _Design(_steps(prior, outcomes), outcomes.songs, int(outcomes.songs.max(initial=-1)) + 1)
        member, own = _effects_of_songs(prior, names, outcomes, design.count)
        root, effects = _root(prior, member @ deviations, own), member @ means
        wanted = _root(prior, deviations, np.zeros((len(names), design.count))).toarray()
    # The model is fitted in units of the prior's deviations, so that weights without variance are no special case.
    before = np.array([*prior.weights, *effects])
    peak, precision = _peak(design, root, before, outcomes)
    covariance = wanted @ np.linalg.solve(precision, wanted.T)
    count = round(float(outcomes.won.sum() + outcomes.lost.sum())) if votes is None else votes
    mean = np.array([*prior.weights, *means]) + wanted @ peak
    return LearnedModel(
        judge, revision, prior, names, tuple(mean.tolist()), _rows((covariance + covariance.T) / 2), count
    )


def mean_chance(log_odds: Any, variance: Any) -> Any:
    """Return the mean of sigmoid(x) over a normal x, to 0.02 (MacKay 1992)."""
    return sigmoid(even_log_odds(log_odds, variance))


def even_log_odds(log_odds: Any, variance: Any) -> Any:
    """Return the log-odds of `mean_chance`. They are nearer to 0 the less is known."""
    return log_odds / np.sqrt(1 + math.pi / 8 * variance)


@dataclass(frozen=True)
class _Design:
    """The matrix [P, K] of which no more is kept than differs from 0.

    `steps` [P, A] are scaled differences of scores. `sides` [P, 2] are the places of A's and B's effects among `count`
    ones, or `count` for a song without an effect.
    """

    steps: np.ndarray
    sides: np.ndarray
    count: int

    def times(self, vector: np.ndarray) -> np.ndarray:
        """Return the product with a vector [K] -> [P]."""
        axes = self.steps.shape[1]
        effects = np.append(vector[axes:], 0.0)
        product: np.ndarray = self.steps @ vector[:axes] + effects[self.sides[:, 0]] - effects[self.sides[:, 1]]
        return product

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Return the product of the transposed matrix with `weights` [P] -> [K]."""
        return np.concatenate([weights @ self.steps, self._by_side(weights)])

    def curvature(self, weights: np.ndarray) -> np.ndarray:
        """Return the sum of each row's square, times its `weights` [P] -> [K, K]."""
        weighted = self.steps * weights[:, None]
        scores = weighted.T @ self.steps
        mixed = np.array([self._by_side(column) for column in weighted.T]).reshape(len(scores), self.count)
        size = self.count + 1
        met = np.bincount(self.sides @ [size, 1], weights, minlength=size**2).reshape(size, size)
        between = np.diag(met.sum(0) + met.sum(1)) - met - met.T
        return np.block([[scores, mixed], [mixed.T, between[:-1, :-1]]])

    def squares(self, matrix: np.ndarray) -> np.ndarray:
        """Return row . matrix . row for each row [P]. `matrix` is a covariance [K, K]."""
        axes = self.steps.shape[1]
        own, mixed = matrix[:axes, :axes], np.pad(matrix[:axes, axes:], ((0, 0), (0, 1)))
        effects = np.pad(matrix[axes:, axes:], (0, 1))
        a, b = self.sides.T
        square: np.ndarray = np.einsum("pi,ij,pj->p", self.steps, own, self.steps)
        square = square + 2 * np.einsum("pi,ip->p", self.steps, mixed[:, a] - mixed[:, b])
        return np.maximum(0, square + (effects[a, a] + effects[b, b]) - 2 * effects[a, b])  # the same for B and A

    def _by_side(self, weights: np.ndarray) -> np.ndarray:
        plus, minus = (np.bincount(side, weights, minlength=self.count + 1)[: self.count] for side in self.sides.T)
        difference: np.ndarray = plus - minus
        return difference


def _design(prior: Prior, names: Sequence[str], pairs: Outcomes) -> _Design:
    place = {name: number for number, name in enumerate(names)}
    sides = np.array([(place.get(a, len(names)), place.get(b, len(names))) for a, b in pairs.generators], int)
    return _Design(_steps(prior, pairs), sides.reshape(-1, 2), len(names))


def _steps(prior: Prior, pairs: Outcomes) -> np.ndarray:
    steps: np.ndarray = pairs.differences.reshape(len(pairs), len(prior.axes)) / np.array(prior.scale)
    return steps


def _effects_of_songs(prior: Prior, names: Sequence[str], pairs: Outcomes, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which generator made each song [S, G], and the songs' own deviations, on the diagonal [S, S].

    A song of unknown origin has the effect of a generator that made no other song.
    """
    assert pairs.songs is not None
    makers = dict(zip(pairs.songs.ravel().tolist(), (name for pair in pairs.generators for name in pair), strict=True))
    member, deviation = np.zeros((count, len(names))), np.full(count, prior.song_deviation)
    place = {name: number for number, name in enumerate(names)}
    for song, name in makers.items():
        if name in place:
            member[song, place[name]] = 1.0
        elif not name:
            deviation[song] = math.hypot(prior.song_deviation, prior.deviation)
    return member, np.diag(deviation)


def _peak(design: _Design, root: Any, before: np.ndarray, seen: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Return the most likely parameters [D] in units of `root` [K, D], and the curvature there [D, D].

    In these units the prior is standard normal. Newton's steps are damped as in arena/ratings.py: none overshoots.
    """
    from scipy.linalg import cho_factor, cho_solve

    peak, turned = np.zeros(root.shape[1]), root.T
    for _ in range(MAX_STEPS):
        odds = design.times(before + root @ peak)
        wins, losses = sigmoid(odds), sigmoid(-odds)
        gradient = turned @ design.sums(seen.won * losses - seen.lost * wins) - peak
        curvature = turned @ design.curvature((seen.won + seen.lost) * wins * losses) @ root + np.eye(len(peak))
        step = cho_solve(cho_factor(curvature), gradient)
        moved = float(np.abs(design.times(root @ step)).max(initial=0))
        peak = peak + step * (math.log1p(moved) / moved if moved else 1.0)
        if moved <= CLOSE:
            break
    return peak, curvature


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) without overflow."""
    from scipy.special import expit

    return expit(x)


def _root(prior: Prior, shared: np.ndarray, own: np.ndarray) -> Any:
    """Return a sparse square root [A + S, A + G + D] of the prior's covariance, which may be singular.

    The effects are the generators' `shared` [S, G] and `own` [S, D] ones, each in deviations.
    """
    from scipy import sparse

    values, vectors = np.linalg.eigh(_square(prior.covariance))
    blocks = vectors * np.sqrt(np.maximum(0, values)), np.hstack([shared, own])
    return sparse.block_diag([*map(sparse.csr_array, blocks)], format="csr")


def _most_voted(makers: Sequence[tuple[str, str]], votes: np.ndarray) -> list[tuple[str, str]]:
    """Return the generators of each pair without the names of those that are not among the MAX_GENERATORS ones."""
    sums: Counter[str] = Counter()
    for pair, number in zip(makers, votes.tolist(), strict=True):
        for name in set(pair) - {""}:
            sums[name] += number
    ordered = sorted(sums, key=lambda name: (-sums[name], name))
    kept = {*ordered[:MAX_GENERATORS]}
    return [(a if a in kept else "", b if b in kept else "") for a, b in makers]


def _without_songs(seen: Outcomes) -> Outcomes:
    """Return outcomes that are learned from without songs' own effects, in which votes on songs with many count less.

    A vote tells of a log-odds with a variance of about 4. All votes on a song share the song's effect, so that many of
    them tell little more than a few. The factor is on the safe side: intervals are wider than with effects of songs.
    """
    assert seen.songs is not None
    own = np.full(int(seen.songs.max()) + 1, SONG_DEVIATION**2)
    unknown = np.array([[not name for name in pair] for pair in seen.generators])
    own[seen.songs[unknown]] += GENERATOR_DEVIATION**2
    votes = np.bincount(seen.songs.ravel(), np.repeat(seen.won + seen.lost, 2))
    factor = 1 / (1 + (own * votes)[seen.songs].sum(1) / 4)
    return replace(seen, won=seen.won * factor, lost=seen.lost * factor, songs=None)


def _same(generators: tuple[str, str]) -> bool:
    """Return whether both songs are known to be by one generator, so that its effect does not matter."""
    return generators[0] == generators[1] != ""


def _doubt(axes: int, deviation: float = WEIGHT_DEVIATION) -> np.ndarray:
    """Return a covariance [A, A] with which the log-odds of usual differences have `deviation`."""
    return np.eye(axes) * deviation**2 / max(1, axes)


def _square(rows: Matrix) -> np.ndarray:
    return np.array(rows).reshape(len(rows), len(rows))


def _rows(matrix: np.ndarray) -> Matrix:
    return tuple(tuple(row) for row in matrix.tolist())


def _plain(value: Any, digits: int = 9) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part, digits) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
