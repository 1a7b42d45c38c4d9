"""Measures the pocket judge on songs, and on kinds of degradation, that it was not trained on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from statistics import fmean
from typing import Any

import numpy as np

from ...audio.damage import HARMLESS, SEVERITIES
from ...core.intervals import ConfidenceInterval, bootstrap_interval
from ...evaluation.robustness import NOTICED, half_way
from ...judges.report import LEVEL
from ...preference.fitting.fit import folds
from .augmented import AugmentedSongs
from .corpus import Corpus
from .models import KINDS_OF, fit_damage, fit_opinion
from .statistics import between_songs, pair_accuracy, share, spearman, within

OPINION_FOLDS, PARTITIONS = 10, 5
DAMAGE_FOLDS = 5
STRONG = 0.8
"""Lowest severity that counts as strong."""


@dataclass(frozen=True)
class HeldOut:
    """Scores [R] of all copies on one axis, each by a model that was not trained on the copy's song."""

    axis: str
    copies: AugmentedSongs
    scores: np.ndarray

    @property
    def intact(self) -> np.ndarray:
        """Return the scores [S] of the intact songs."""
        order = np.argsort(self.copies.song[self.copies.intact])
        scores: np.ndarray = self.scores[self.copies.intact][order]
        return scores

    @property
    def change(self) -> np.ndarray:
        """Return how far each copy's score [R] lies above the score of its intact song."""
        moved: np.ndarray = self.scores - self.intact[self.copies.song]
        return moved


# ---- likes and musicality ----------------------------------------------------------------------------------------


def hold_out_opinion(axis: str, copies: AugmentedSongs, truth: np.ndarray, recording: np.ndarray, seed: int) -> HeldOut:
    """Return out-of-fold scores of the songs with a known `truth` [S].

    The other songs (NaN) are scored by a model trained on all songs with a known truth.
    """
    fold = np.where(np.isfinite(truth), folds(recording, OPINION_FOLDS, seed), OPINION_FOLDS)[copies.song]
    scores = np.zeros(len(copies), np.float32)
    for f in range(OPINION_FOLDS + 1):
        model = fit_opinion(axis, copies[fold != f], truth)
        scores[fold == f] = model(copies[fold == f])
    return HeldOut(axis, copies, scores)


def opinion_figures(corpus: Corpus, songs: slice, partitions: list[HeldOut]) -> dict[str, ConfidenceInterval]:
    """Measure agreement with listeners; each figure is the mean over the partitions."""
    scored = [held.intact[songs] for held in partitions]
    opinions, groups, pairs = corpus.opinions, corpus.groups, corpus.pairs
    figures: dict[str, Callable[[np.ndarray], float]] = {
        "spearman": lambda counts: fmean(spearman(s, opinions, counts) for s in scored),
        "spearman within groups": lambda counts: fmean(within(s, opinions, groups, counts) for s in scored),
    }
    if len(pairs):
        figures["pairs"] = lambda counts: fmean(pair_accuracy(s, pairs, counts) for s in scored)
        figures["pairs by own mean rating"] = lambda counts: pair_accuracy(opinions, pairs, counts)
    return {name: bootstrap_interval(figure, len(opinions)) for name, figure in figures.items()}


def spread(held: HeldOut, truth: np.ndarray) -> float:
    """Return the half-width of the interval about the score.

    The interval contains the `truth` [S] for a share LEVEL of the songs with a known truth.
    """
    return float(np.nanquantile(np.abs(held.intact - truth), LEVEL))


# ---- damage ------------------------------------------------------------------------------------------------------


def hold_out_damage(axis: str, copies: AugmentedSongs, recording: np.ndarray) -> tuple[HeldOut, dict[str, HeldOut]]:
    """Return out-of-fold scores by models trained on all kinds, and for each kind by models never trained on it."""
    fold = folds(recording, DAMAGE_FOLDS, seed=0)[copies.song]
    kinds = (None, *KINDS_OF[axis])
    scores = np.zeros((len(kinds), len(copies)), np.float32)
    for f in range(DAMAGE_FOLDS):
        for i, model in enumerate(fit_damage(axis, copies[fold != f], kinds)):
            scores[i, fold == f] = model(copies[fold == f])
    seen, *unseen = (HeldOut(axis, copies, row) for row in scores)
    return seen, dict(zip(KINDS_OF[axis], unseen, strict=True))


def damage_figures(seen: HeldOut, unseen: Mapping[str, HeldOut]) -> dict[str, Any]:
    """Return figures by kind and over all kinds of degradation.

    They are the AUC between songs, the order, and by severity the shares of copies that score lower and that are
    noticed.
    """
    kinds = {k: {"seen": kind_figures(seen, [k]), "unseen": kind_figures(held, [k])} for k, held in unseen.items()}
    never = {
        "mean auc": fmean(figures["unseen"]["auc"].value for figures in kinds.values()),
        "lower": _lower_unseen(unseen),
    }
    return {"all kinds": kind_figures(seen, list(unseen)), "kinds": kinds, "never trained on": never}


def _lower_unseen(unseen: Mapping[str, HeldOut]) -> list[ConfidenceInterval]:
    """Return by severity, over all kinds, the share of copies that score below their song.

    Each copy is scored by models that were never trained on its kind.
    """
    copies = next(iter(unseen.values())).copies
    fell, damaged = np.zeros(len(copies), bool), np.zeros(len(copies), bool)
    for kind, held in unseen.items():
        mine = copies.kind == kind
        fell[mine] = held.change[mine] < 0
        damaged |= mine
    by_severity = [damaged & (copies.severity == s) for s in SEVERITIES]
    return [share(fell[rows], copies.song[rows], copies.song.max() + 1) for rows in by_severity]


def kind_figures(held: HeldOut, kinds: list[str]) -> dict[str, Any]:
    """Return the figures of the copies whose degradation is one of `kinds`."""
    copies, songs = held.copies, len(held.intact)
    mine = np.isin(copies.kind, kinds)
    limit = np.quantile(np.abs(held.change[copies.harmless]), NOTICED)
    strong = mine & (copies.severity >= STRONG)
    by_severity = [mine & (copies.severity == s) for s in SEVERITIES]
    noticed = [share(held.change[rows] < -limit, copies.song[rows], songs) for rows in by_severity]
    return {
        "auc": between_songs(held.scores[strong], copies.song[strong], held.intact),
        "lower": [share(held.change[rows] < 0, copies.song[rows], songs) for rows in by_severity],
        "noticed": noticed,
        "half noticed at": half_way([estimate.value for estimate in noticed]),
        "order": share(*_steps(held, mine), songs),
    }


def _steps(held: HeldOut, mine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of the rows `mine` whether it scores below the next milder copy of its song and kind.

    Also returns the song of each row. Relies on the order of the copies: severities follow each other.
    """
    rows = np.nonzero(mine)[0]
    mild = held.copies.severity[rows] == SEVERITIES[0]
    before = np.where(mild, held.intact[held.copies.song[rows]], held.scores[rows - 1])
    return held.scores[rows] < before, held.copies.song[rows]


# ---- all axes ----------------------------------------------------------------------------------------------------


def invariance(held: HeldOut) -> dict[str, dict[str, float]]:
    """Measure how far each harmless change moves the score.

    Returns the mean, the maximum, and the mean divided by the standard deviation among songs.
    """
    moved, deviation = np.abs(held.change), held.intact.std()
    rows = {name: moved[held.copies.kind == name] for name in HARMLESS}
    return {
        name: {"mean": float(x.mean()), "max": float(x.max()), "of sd": float(x.mean() / deviation)}
        for name, x in rows.items()
    }


def spread_by_group(held: HeldOut, groups: np.ndarray) -> dict[str, dict[str, float]]:
    """Return mean, deviation and extremes of the intact songs' scores in each of the `groups` [S]."""
    parts = {str(group): held.intact[groups == group] for group in dict.fromkeys(groups)}
    return {
        group: {"mean": float(x.mean()), "sd": float(x.std()), "min": float(x.min()), "max": float(x.max())}
        for group, x in parts.items()
    }


def transfer(copies: AugmentedSongs, sets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Train on degraded copies of one of the `sets` (name -> [S] of bool) and measure on the other."""
    figures: dict[str, Any] = {}
    for (a, source), (b, target) in permutations(sets.items(), 2):
        taught, tested = copies[source[copies.song]], copies[target[copies.song]].renumbered()
        held = [HeldOut(axis, tested, fit_damage(axis, taught)[0](tested)) for axis in KINDS_OF]
        figures[f"{a} to {b}"] = {h.axis: kind_figures(h, list(KINDS_OF[h.axis])) for h in held}
    return figures
