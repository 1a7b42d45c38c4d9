"""Trains the pocket judge, as the command `train pocket` does.

The steps: make copies of the songs (intact, harmlessly changed and degraded), compute their features, measure figures
on held-out songs, fit the weights. Weights, card and figures are written to a folder; the default is where the judge
reads them.
"""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ...core.errors import TrainingError
from ...core.files import replacing
from ...core.intervals import ConfidenceInterval
from ...models.heads.pocket import PATH, PocketModel
from ...ranking.export import check_target
from ..files import prepare
from . import card
from .augmented import AugmentedSongs, gather
from .corpus import Corpus, davda54, emotify
from .evaluate import (
    PARTITIONS,
    damage_figures,
    hold_out_damage,
    hold_out_opinion,
    invariance,
    opinion_figures,
    spread,
    spread_by_group,
    transfer,
)
from .models import KINDS_OF, fit_damage, fit_opinion, recordings

AXES = ("likes", "coherence", "musicality", "clarity", "naturalness")
MISSING = {
    "streams": "no play counts to learn from",
    "memorability": "no listeners' judgements of memorability to learn from",
}


def train_pocket(data: Path, out: Path | None, workers: int) -> Path:
    """Train on the sets of songs in `data`, write into `out` or else into the package, and return the folder.

    Raises TrainingError, and BatchError if `out` is not empty.
    """
    return learn(data, out, PATH.parent, workers, lambda folder, *heard: write(folder, *train(*heard)))


def learn(data: Path, out: Path | None, default: Path, workers: int, learned: Callable[..., object]) -> Path:
    """Call `learned` with the folder `out` or `default`, the copies of all songs, davda54 and Emotify.

    Return the folder. Raises TrainingError, and BatchError if `out` is not empty.
    """
    if out is not None and out != default:
        check_target(out)
    try:
        corpora = davda54(data), emotify(data)
    except (OSError, LookupError, TypeError, ValueError, csv.Error) as error:
        raise TrainingError(f"{data} does not hold both sets of songs ({error}). Name their folder.") from error
    if lacking := [song.path for corpus in corpora for song in corpus.songs if not song.path.is_file()]:
        raise TrainingError(f"{lacking[0]} is not there, nor are {len(lacking) - 1} other songs. Put them there.")
    prepare(out or default)
    copies = gather([song.path for corpus in corpora for song in corpus.songs], workers)
    with threadpool_limits(1):  # the same order of sums on any number of cores, and threads do not compete
        learned(out or default, copies, *corpora)
    return out or default


def train(copies: AugmentedSongs, rated: Corpus, liked: Corpus) -> tuple[PocketModel, dict[str, Any]]:
    """Return the model and its figures.

    The songs of `copies` are those of `rated` (davda54), then those of `liked` (Emotify).
    """
    truth = truths(rated, liked)
    recording = recordings(copies)
    partitions = {
        axis: [hold_out_opinion(axis, copies, known, recording, seed) for seed in range(PARTITIONS)]
        for axis, known in truth.items()
    }
    damage = {axis: hold_out_damage(axis, copies, recording) for axis in KINDS_OF}
    held = {axis: (partitions[axis][0] if axis in truth else damage[axis][0]) for axis in AXES}
    first = slice(len(rated.songs))
    parts = {"davda54": (rated, first), "Emotify": (liked, slice(first.stop, None))}
    is_rated = np.isfinite(truth["musicality"])
    groups = np.concatenate([rated.groups, liked.groups])
    figures = {
        "opinions": {
            axis: {name: opinion_figures(corpus, songs, held) for name, (corpus, songs) in parts.items()}
            for axis, held in partitions.items()
        },
        "damage": {axis: damage_figures(*both) for axis, both in damage.items()},
        "transfer": transfer(copies, {"davda54": is_rated, "Emotify": ~is_rated}),
        "invariance": {axis: invariance(held[axis]) for axis in AXES},
        "intact": {axis: spread_by_group(held[axis], groups) for axis in AXES},
        "between axes": np.corrcoef([held[axis].intact for axis in AXES]).tolist(),
        "spread": {axis: spread(held[axis], known) for axis, known in truth.items()},
        "twins": int((recording != np.arange(len(recording))).sum()),
        "songs": len(recording),
        "copies": len(copies),
        "features": copies.features.shape[1],
        "partitions": PARTITIONS,
    }
    return fit(copies, truth, figures["spread"]), figures


def truths(rated: Corpus, liked: Corpus) -> dict[str, np.ndarray]:
    """Return listeners' opinion of each song [S] by axis, on the axis' range; NaN where they were not asked."""
    percentile = 100 * (rankdata(liked.opinions) - 0.5) / len(liked.songs)
    return {
        "likes": np.concatenate([np.full(len(rated.songs), np.nan), percentile]),
        "musicality": np.concatenate([1 + rated.opinions * 4 / 5, np.full(len(liked.songs), np.nan)]),
    }


def fit(copies: AugmentedSongs, truth: Mapping[str, np.ndarray], spread: Mapping[str, float]) -> PocketModel:
    """Fit the models of all axes on all songs and join them into one."""
    models = [fit_opinion(a, copies, truth[a]) if a in truth else fit_damage(a, copies)[0] for a in AXES]
    about = {"axes": AXES, "missing": MISSING, "spread": spread, **card.ABOUT}
    return PocketModel(
        mean=models[0].scaling.mean,
        scale=models[0].scaling.scale,
        weights=np.stack([model.line.slope for model in models], axis=1).astype(np.float32),
        bias=np.array([model.line.offset for model in models], np.float32),
        about=about,
    )


def write(out: Path, model: PocketModel, figures: Mapping[str, Any]) -> None:
    """Write weights, figures and card into the folder `out`, each completely or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found)}" for name, found in plain(figures).items())
    contents = {
        "pocket.safetensors": model.to_bytes(),
        "pocket_metrics.json": f"{{\n{lines}\n}}\n".encode(),
        "pocket.md": card.write(figures).encode(),
    }
    for name, content in contents.items():
        with replacing(out / name) as part:
            part.write_bytes(content)


def plain(value: Any) -> Any:
    """Return plain values for JSON: an interval as [value, low, high], numbers rounded to four decimals."""
    if isinstance(value, ConfidenceInterval):
        return [plain(part) for part in astuple(value)]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return round(float(value), 4) if isinstance(value, float) else value
