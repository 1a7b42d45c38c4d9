"""What the pocket judge is worth on songs, and kinds of damage, that it was not trained on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from statistics import fmean
from typing import Any

import numpy as np

from ...core.intervals import ConfidenceInterval, bootstrap_interval
from ...preference.fitting.logistic import folds
from .augmented import SEVERITIES, AugmentedSongs
from .corpus import Corpus
from .degradations import HARMLESS
from .models import KINDS_OF, fit_damage, fit_opinion
from .statistics import between_songs, pair_accuracy, share, spearman, within

OPINION_FOLDS, PARTITIONS = 10, 5
DAMAGE_FOLDS = 5
STRONG = 0.8
"""Severities from here on count as strong."""
HELD = 0.8
"""Share of held-out songs whose truth the stated interval held."""
NOTICED = 0.95
"""A copy is noticed if it falls further than this share of harmlessly changed copies moves."""


@dataclass(frozen=True)
class HeldOut:
    """Scores [R] of all copies on one axis, each by a model that was not trained on its song."""

    axis: str
    copies: AugmentedSongs
    scores: np.ndarray

    @property
    def intact(self) -> np.ndarray:
        """[S] scores of the songs as they are."""
        order = np.argsort(self.copies.song[self.copies.intact])
        scores: np.ndarray = self.scores[self.copies.intact][order]
        return scores

    @property
    def change(self) -> np.ndarray:
        """[R] from the song as it is."""
        moved: np.ndarray = self.scores - self.intact[self.copies.song]
        return moved


# ---- likes and musicality ----------------------------------------------------------------------------------------


def hold_out_opinion(axis: str, copies: AugmentedSongs, truth: np.ndarray, recording: np.ndarray, seed: int) -> HeldOut:
    """Out-of-fold scores of the songs with a `truth` [S] (not NaN); the others' by a model of all of those."""
    fold = np.where(np.isfinite(truth), folds(recording, OPINION_FOLDS, seed), OPINION_FOLDS)[copies.song]
    scores = np.zeros(len(copies), np.float32)
    for f in range(OPINION_FOLDS + 1):
        model = fit_opinion(axis, copies[fold != f], truth)
        scores[fold == f] = model(copies[fold == f])
    return HeldOut(axis, copies, scores)


def opinion_figures(corpus: Corpus, songs: slice, partitions: list[HeldOut]) -> dict[str, ConfidenceInterval]:
    """Agreement with listeners, each figure the mean over the partitions."""
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
    """Half-width of the interval about the score that held the `truth` [S] of HELD of the songs that have one."""
    return float(np.nanquantile(np.abs(held.intact - truth), HELD))


# ---- damage ------------------------------------------------------------------------------------------------------


def hold_out_damage(axis: str, copies: AugmentedSongs, recording: np.ndarray) -> tuple[HeldOut, dict[str, HeldOut]]:
    """Out-of-fold scores by models of all kinds, and for each kind by models that never met it."""
    fold = folds(recording, DAMAGE_FOLDS, seed=0)[copies.song]
    kinds = (None, *KINDS_OF[axis])
    scores = np.zeros((len(kinds), len(copies)), np.float32)
    for f in range(DAMAGE_FOLDS):
        for i, model in enumerate(fit_damage(axis, copies[fold != f], kinds)):
            scores[i, fold == f] = model(copies[fold == f])
    seen, *unseen = (HeldOut(axis, copies, row) for row in scores)
    return seen, dict(zip(KINDS_OF[axis], unseen, strict=True))


def damage_figures(seen: HeldOut, unseen: Mapping[str, HeldOut]) -> dict[str, Any]:
    """By kind and over all kinds: AUC between songs, order, and by severity what is lower and noticed."""
    kinds = {k: {"seen": kind_figures(seen, [k]), "unseen": kind_figures(held, [k])} for k, held in unseen.items()}
    never = {
        "mean auc": fmean(figures["unseen"]["auc"].value for figures in kinds.values()),
        "lower": _lower_unseen(unseen),
    }
    return {"all kinds": kind_figures(seen, list(unseen)), "kinds": kinds, "never trained on": never}


def _lower_unseen(unseen: Mapping[str, HeldOut]) -> list[ConfidenceInterval]:
    """By severity, over all kinds: the share that fell, by the models that never met the copy's kind."""
    copies = next(iter(unseen.values())).copies
    fell, damaged = np.zeros(len(copies), bool), np.zeros(len(copies), bool)
    for kind, held in unseen.items():
        mine = copies.kind == kind
        fell[mine] = held.change[mine] < 0
        damaged |= mine
    by_severity = [damaged & (copies.severity == s) for s in SEVERITIES]
    return [share(fell[rows], copies.song[rows], copies.song.max() + 1) for rows in by_severity]


def kind_figures(held: HeldOut, kinds: list[str]) -> dict[str, Any]:
    """Figures of the copies damaged in the ways `kinds`."""
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
    """For each of the rows `mine`, whether it is below the next milder copy of its song and kind; and its song.

    Relies on the copies' order: severities follow each other.
    """
    rows = np.nonzero(mine)[0]
    mild = held.copies.severity[rows] == SEVERITIES[0]
    before = np.where(mild, held.intact[held.copies.song[rows]], held.scores[rows - 1])
    return held.scores[rows] < before, held.copies.song[rows]


def half_way(noticed: list[float]) -> float | None:
    """Severity at which half of the copies are noticed, by linear interpolation from none at 0; None if never."""
    severities, shares = [0.0, *SEVERITIES], [0.0, *noticed]
    for i in range(1, len(shares)):
        if shares[i] >= 0.5:
            part = (0.5 - shares[i - 1]) / (shares[i] - shares[i - 1])
            return float(severities[i - 1] + part * (severities[i] - severities[i - 1]))
    return None


# ---- all axes ----------------------------------------------------------------------------------------------------


def invariance(held: HeldOut) -> dict[str, dict[str, float]]:
    """How far each harmless change moves the score: mean and greatest, and the mean over the songs' deviation."""
    moved, deviation = np.abs(held.change), held.intact.std()
    rows = {name: moved[held.copies.kind == name] for name in HARMLESS}
    return {
        name: {"mean": float(x.mean()), "max": float(x.max()), "of sd": float(x.mean() / deviation)}
        for name, x in rows.items()
    }


def spread_by_group(held: HeldOut, groups: np.ndarray) -> dict[str, dict[str, float]]:
    """Mean, deviation and extremes of the intact songs' scores in each of the `groups` [S]."""
    parts = {str(group): held.intact[groups == group] for group in dict.fromkeys(groups)}
    return {
        group: {"mean": float(x.mean()), "sd": float(x.std()), "min": float(x.min()), "max": float(x.max())}
        for group, x in parts.items()
    }


def transfer(copies: AugmentedSongs, sets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Damage learned on one of the `sets` (name -> [S] of bool), told on the other."""
    figures: dict[str, Any] = {}
    for (a, source), (b, target) in permutations(sets.items(), 2):
        taught, tested = copies[source[copies.song]], copies[target[copies.song]].renumbered()
        held = [HeldOut(axis, tested, fit_damage(axis, taught)[0](tested)) for axis in KINDS_OF]
        figures[f"{a} to {b}"] = {h.axis: kind_figures(h, list(KINDS_OF[h.axis])) for h in held}
    return figures
