"""Replays a table of battles vote by vote: how well a model that learns from the votes so far foresees the next one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core import tables
from ..core.errors import PreferenceError
from ..core.intervals import ConfidenceInterval, bootstrap_interval, hit, log_losses
from ..preference.fitting.fit import Battles
from ..preference.fitting.sources import COLUMNS, fields_of, winner_of
from ..preference.learned import LearnedModel, Outcomes, Prior, learn, mean_chance, sigmoid

ORDERS, EVERY, FROM = 10, 20, 101
"""Number of random orders of the battles, of votes between two fits, and of the first vote that is measured."""


ALONE = "generators alone"
NO_SCORES = {"heard_a", *(name for names in COLUMNS.values() for name in names)}
"""Columns that say something else, even if they hold numbers."""


@dataclass(frozen=True)
class Foreseen:
    """How well one way of predicting foresaw the votes: means over the orders, and deviations between orders.

    An even prediction is half right. `hits` [P] and `losses` [P] are the means of each battle, NaN if it was never
    measured; `measured` [P] says in how many orders it was.
    """

    name: str
    accuracy: float
    accuracy_deviation: float
    loss: float
    loss_deviation: float
    hits: np.ndarray
    losses: np.ndarray
    measured: np.ndarray

    def gain(self, other: "Foreseen") -> tuple[ConfidenceInterval, ConfidenceInterval]:
        """Return accuracy and log-loss minus those of `other`, with intervals by resampling battles."""
        return _gain(self.hits - other.hits, self.measured), _gain(self.losses - other.losses, self.measured)


def read(path: Path) -> Battles:
    """Return the battles of a table (csv, jsonl, parquet) that have a winner.

    It has the columns of a table of battles without audio, or of an export of votes, and for each score the columns
    `NAME_a` and `NAME_b`.
    Raises PreferenceError.
    """
    try:
        rows = list(tables.records(path))
    except (OSError, ValueError, KeyError) as error:
        raise PreferenceError("{path} cannot be read: {reason}.", path=path, reason=error) from error
    fields = [fields_of(path.name, row, ("winner",)) for row in rows]
    winners = [winner_of(row["winner"]) for row in fields]
    axes = tuple(name[:-2] for name in (rows[0] if rows else ()) if _is_score(name, rows))
    if not axes:
        raise PreferenceError("{path} has no columns of scores, such as musicality_a and musicality_b.", path=path)
    decided = [n for n, winner in enumerate(winners) if winner in ("a", "b")]
    differences = [[float(rows[n][f"{axis}_a"]) - float(rows[n][f"{axis}_b"]) for axis in axes] for n in decided]
    names = [(tables.text(fields[n].get("generator_a")), tables.text(fields[n].get("generator_b"))) for n in decided]
    if decided and not any(map(any, names)):
        raise PreferenceError("{path} names no generators in generator_a and generator_b.", path=path)
    won = np.array([winners[n] == "a" for n in decided], float)
    return Battles(axes, Outcomes(np.array(differences).reshape(-1, len(axes)), names, won, 1 - won))


def foresee(table: Battles, prior: Prior, orders: int = ORDERS, every: int = EVERY) -> tuple[Foreseen, ...]:
    """Replay the battles in random orders, and fit again after every few votes.

    Return the fixed prior's figures, those of generators alone, of scores and generators, and of the latter for songs
    whose generators are not told. Raises PreferenceError if there are too few battles.
    """
    if len(table.outcomes) < FROM:
        raise PreferenceError("At least {least} battles with a winner are needed.", least=FROM)
    alone = replace(table.outcomes, differences=np.zeros((len(table.outcomes), 0)))
    nothing = Prior.without_head((), ())
    chances: dict[str, list[np.ndarray]] = {}
    for seed in range(orders):
        order = np.random.default_rng(seed).permutation(len(table.outcomes))
        both = list(_replay(table.outcomes[order], prior, every))
        generators = list(_replay(alone[order], nothing, every))
        untold = [(model, rows.without_generators()) for model, rows in both]
        for name, found in {
            "the scores as they are": sigmoid(table.outcomes.differences / prior.scale @ np.array(prior.weights)),
            ALONE: _placed(order, (_chances(model, rows) for model, rows in generators)),
            "scores and generators": _placed(order, (_chances(model, rows) for model, rows in both)),
            "the same, generators not told": _placed(order, (_chances(model, rows) for model, rows in untold)),
        }.items():
            measured = np.full(len(order), np.nan)
            measured[order[FROM - 1 :]] = found[order[FROM - 1 :]]
            chances.setdefault(name, []).append(measured)
    return tuple(_measured(name, np.array(found), table.outcomes.won) for name, found in chances.items())


def always_b(table: Battles) -> float:
    """Return the share of the battles that B won."""
    return float(table.outcomes.lost.mean())


def _is_score(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the column and its twin hold numbers."""
    if not name.endswith("_a") or name in NO_SCORES:
        return False
    return all(_is_number(row.get(key)) for row in rows for key in (name, f"{name[:-2]}_b"))


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(tables.number(value)))
    except ValueError:
        return False


def _replay(votes: Outcomes, prior: Prior, every: int) -> Iterator[tuple[LearnedModel, Outcomes]]:
    """Yield a model for each few votes that was fitted on all before them, and these votes."""
    for first in range(0, len(votes), every):
        rows = np.arange(first, min(first + every, len(votes)))
        yield learn("", "", prior, votes[np.arange(first)]), votes[rows]


def _chances(model: LearnedModel, pairs: Outcomes) -> np.ndarray:
    chances: np.ndarray = mean_chance(*model.log_odds(pairs))
    return chances


def _placed(order: np.ndarray, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the predictions in the table's order."""
    placed = np.empty(len(order))
    placed[order] = np.concatenate([*parts])
    return placed


def _measured(name: str, chances: np.ndarray, won: np.ndarray) -> Foreseen:
    """`chances` [O, P] are the predictions in each order; NaN if a battle is not measured."""
    hits = np.where(np.isnan(chances), np.nan, hit(chances, won))
    losses = log_losses(chances, won)
    accuracy, loss = np.nanmean(hits, 1), np.nanmean(losses, 1)
    measured = (~np.isnan(chances)).sum(0)
    often = np.where(measured, measured, np.nan)
    figures = float(accuracy.mean()), float(accuracy.std()), float(loss.mean()), float(loss.std())
    return Foreseen(name, *figures, np.nansum(hits, 0) / often, np.nansum(losses, 0) / often, measured)


def _gain(differences: np.ndarray, measured: np.ndarray) -> ConfidenceInterval:
    """Return the mean difference. A battle counts as often as it was measured, as in the accuracy."""
    known, often = differences[measured > 0], measured[measured > 0]
    return bootstrap_interval(lambda counts: float(counts @ (often * known) / (counts @ often)), len(known))
