"""Fits the pocket judge's models: chooses the copies that each axis learns from, and leaves out songs or kinds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...audio.damage import KINDS
from ...models.heads.pocket import basis, link
from .augmented import AugmentedSongs
from .ridge import LinearFit, Moments, ridge

PENALTY = {"likes": 8e-3, "musicality": 1e-3, "coherence": 1e-3, "clarity": 3e-4, "naturalness": 1e-3}
"""Ridge penalty of each axis, chosen by held-out figures among powers of about 3. Of the values that are about equally
good, the chosen one does better on the other set of songs or on kinds of degradation never trained on."""
TARGETS = (4.0, 1.5)
"""Mean scores, on the scale of 1 to 5, of intact songs and of their worst copies."""
TWINS = 0.9
"""Cosine between two songs' standardised features above which they are treated as one recording."""
KINDS_OF = {axis: tuple(k.name for k in KINDS if k.axis == axis) for axis in dict.fromkeys(k.axis for k in KINDS)}


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation [F] of intact songs' features."""

    mean: np.ndarray
    scale: np.ndarray

    @staticmethod
    def of(copies: AugmentedSongs) -> "Scaling":
        """Compute the scaling from the intact ones among `copies`. A feature that hardly varies is not amplified."""
        intact = copies.features[copies.intact].astype(np.float64)
        return Scaling(intact.mean(0).astype(np.float32), (intact.std(0) + 1e-3).astype(np.float32))

    def __call__(self, copies: AugmentedSongs) -> np.ndarray:
        """Return the basis [R, 2 F] of the copies."""
        return basis(copies.features, self.mean, self.scale)


@dataclass(frozen=True)
class AxisModel:
    """Predicts the scores of copies on one axis."""

    axis: str
    scaling: Scaling
    line: LinearFit

    def __call__(self, copies: AugmentedSongs) -> np.ndarray:
        """Return the score [R] of each copy."""
        return link(self.axis, self.line(self.scaling(copies)))


def fit_opinion(axis: str, copies: AugmentedSongs, truth: np.ndarray) -> AxisModel:
    """Fit a model to the `truth` [S] of all songs, from their intact and harmlessly changed copies.

    The truth is on the axis' range; NaN means unknown.
    """
    taught = copies[(copies.intact | copies.harmless) & np.isfinite(truth[copies.song])]
    scaling = Scaling.of(copies)
    moments = Moments.of(scaling(taught), truth[taught.song], np.ones(len(taught)))
    return AxisModel(axis, scaling, ridge(moments, PENALTY[axis]))


def fit_damage(axis: str, copies: AugmentedSongs, leave_out: Sequence[str | None] = (None,)) -> list[AxisModel]:
    """Fit models of how badly a copy is degraded on the axis: one model for each of the kinds to `leave_out`.

    None in `leave_out` means a model of all kinds.
    """
    taught = copies[copies.intact | copies.harmless | np.isin(copies.kind, KINDS_OF[axis])]
    scaling = Scaling.of(copies)
    x = scaling(taught)
    even = np.ones(len(taught))
    whole = Moments.of(x, taught.severity, even)
    models = []
    for kind in leave_out:
        there = taught.kind != kind
        moments = whole if kind is None else whole - Moments.of(x[~there], taught.severity[~there], even[~there])
        line = ridge(moments, PENALTY[axis])
        models.append(AxisModel(axis, scaling, calibrate(line, x[there], taught[there])))
    return models


def calibrate(line: LinearFit, x: np.ndarray, copies: AugmentedSongs) -> LinearFit:
    """Rescale predicted severity so that the axis' sigmoid maps the means of intact and worst copies to TARGETS."""
    severity = line(x)
    good, bad = severity[copies.intact].mean(), severity[copies.severity == 1].mean()
    high, low = (np.log((score - 1) / (5 - score)) for score in TARGETS)
    factor = (high - low) / (good - bad)
    return LinearFit(line.slope * factor, float((line.offset - good) * factor + high))


def recordings(copies: AugmentedSongs) -> np.ndarray:
    """Return for each song [S] the first song that is the same recording: itself, unless it has an earlier twin."""
    intact = copies[copies.intact]
    standard = Scaling.of(copies)(intact)
    standard = standard - standard.mean(0)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    return np.argmax(standard @ standard.T > TWINS, axis=1)
