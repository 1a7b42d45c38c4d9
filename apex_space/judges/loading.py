"""Makes a judge ready: finds or downloads its weights, and builds its networks."""

import gc
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ..core.errors import PromptRefused, WeightsError, WeightsMissing
from ..core.settings import Settings, settings
from ..models import hub
from .embedding_cache import EmbeddingCache
from .judge import NO_PROMPT, Judge
from .queueing import HEAVY, LIGHT
from .registry import DEFAULT, find


def load_judge(
    name: str = DEFAULT,
    weights: str | Path | None = None,
    precision: str | None = None,
    on_bytes: hub.OnBytes | None = None,
    cached: bool = False,
    prompt: str | None = None,
) -> Judge:
    """Make a judge ready. Download its weights if they are neither in the folder `weights` nor cached.

    `weights` and `precision` replace the settings of that name. If `cached` is true, nothing is downloaded. With a
    `prompt`, the judge scores songs for it, whatever the setting `tunejury_inputs` says. Raises UnknownJudge,
    PromptRefused and WeightsError.
    """
    if prompt is not None and not find(name).prompts:  # before anything is downloaded
        raise PromptRefused(NO_PROMPT, judge=name)
    config, module = _module(name, weights, precision, None if prompt is None else "prompt")
    snapshots = _fetch(config, module, on_bytes, cached)
    if cost := find(name).cost:
        gc.collect()  # frees up to 2.4 GB of a judge that was dropped: networks contain reference cycles
    encoder, head = module.load(snapshots, config)
    sources = tuple(snapshot.weights for snapshot in snapshots) or (head.weights,)
    judge = Judge(name, encoder, head, sources, shared_cache(), cost, queue=HEAVY if cost else LIGHT)
    return judge if prompt is None else judge.prompted(prompt)


def asked(name: str) -> list[str]:
    """Return the repositories that the settings name for a judge: none if they do not say where its head is."""
    config, module = _module(name)
    try:
        return [repository.id for repository in module.repositories(config)]
    except WeightsMissing:
        return []


def fetch_weights(
    name: str, weights: str | Path | None = None, on_bytes: hub.OnBytes | None = None, cached: bool = False
) -> None:
    """Download what `load_judge` would download; with `cached` nothing. Raises UnknownJudge and WeightsError."""
    _fetch(*_module(name, weights), on_bytes, cached)


def download_size(name: str, weights: str | Path | None = None) -> int:
    """Return how many bytes `fetch_weights` would download, without loading anything.

    It may ask the Hub. Raises UnknownJudge, and WeightsError if the weights cannot be had.
    """
    config, module = _module(name, weights)
    return sum(hub.download_size(repository, config.weights) for repository in module.repositories(config))


def _fetch(
    config: Settings, module: Any, on_bytes: hub.OnBytes | None = None, cached: bool = False
) -> list[hub.Snapshot]:
    return [hub.fetch(repository, config.weights, on_bytes, cached) for repository in module.repositories(config)]


@cache
def shared_cache() -> EmbeddingCache:
    """Return the process-wide cache that all judges share."""
    return EmbeddingCache(settings().cache_dir, settings().cache_megabytes)


@dataclass(frozen=True)
class WeightsState:
    """State of a judge: whether it is ready, its axes, and where its weights are or why they are not available.

    `weights` are what was loaded; there are none if it is not ready.
    """

    ready: bool
    axes: tuple[str, ...]
    why: str
    weights: tuple[hub.Weights, ...] = ()


def weights_state(name: str, weights: str | Path | None = None) -> WeightsState:
    """Return the state of a judge. It is found by loading the judge from this disk; nothing is downloaded."""
    try:
        judge = load_judge(name, weights, cached=True)
    except WeightsMissing:
        try:
            return WeightsState(False, (), f"downloads {download_size(name, weights) / 1e6:.0f} MB on first use")
        except WeightsMissing as error:
            return WeightsState(False, (), str(error))
    except WeightsError as error:
        return WeightsState(False, (), str(error))
    return WeightsState(True, judge.head.axes, "; ".join(map(str, judge.weights)), judge.weights)


def _module(
    name: str, weights: str | Path | None = None, precision: str | None = None, inputs: str | None = None
) -> tuple[Settings, Any]:
    entry = find(name)
    given = {"weights": weights and Path(weights), "precision": precision, "tunejury_inputs": inputs}
    config = settings().model_copy(update={key: value for key, value in given.items() if value is not None})
    file, _, part = entry.module.partition(":")
    module = import_module(f"..models.heads.{file}", __package__)
    return config, getattr(module, part) if part else module
