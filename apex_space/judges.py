"""The registry of judges. A judge is an encoder, a head and the axes they predict."""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import audio, hub, measures, segments
from .audio import Limits, Waveform
from .axes import KEYS
from .errors import UnknownJudge, WeightsError, WeightsMissing
from .report import Report, Scores, Segment, Weights
from .resample import resample
from .settings import Settings, settings


class Encoder(Protocol):
    """Waveform segments -> embeddings."""

    rate: int
    segment_seconds: float
    precision: str

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """`samples` [S, L], zero-padded beyond `valid` [S] samples -> [S, ...]."""


class Head(Protocol):
    """Embeddings -> scores.

    `missing` gives the reason for each axis not in `axes`; `spread` as in Report. `pooling` is what a song's segments
    are averaged over, "embedding" or "score"; `weighted` says whether they count by their valid length.
    """

    axes: tuple[str, ...]
    missing: Mapping[str, str]
    spread: Mapping[str, float]
    pooling: str
    weighted: bool

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """`embeddings` [S, ...] -> {axis: [S]}."""


@dataclass(frozen=True)
class Entry:
    """One line of the registry. `module` in `heads` has `repositories(settings)` and `load(snapshots)`."""

    title: str
    summary: str
    module: str


REGISTRY = {
    "pocket": Entry("Pocket", "a quick preview trained on small real data, shipped with the app; not APEX", "pocket"),
    "apex": Entry("APEX", "the published model: MERT-v1-95M and the APEX head (arXiv 2605.03395)", "apex"),
}
DEFAULT = "pocket"


@dataclass(frozen=True)
class Judge:
    """An encoder and a head, ready to hear songs."""

    name: str
    encoder: Encoder
    head: Head
    weights: tuple[Weights, ...]

    def __call__(
        self,
        song: str | Path | Waveform,
        on_progress: Callable[[Report], object] | None = None,
        name: str | None = None,
    ) -> Report:
        """Score a song, shown in the report under `name`. `on_progress` gets the report so far after each segment.

        Raises AudioError.
        """
        for report in self.steps(song, name):
            if on_progress is not None:
                on_progress(report)
        return report

    def steps(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[Report]:
        """The report on what was heard so far, after each segment; the last one is on the whole song."""
        started = time.perf_counter()
        waveform = song if isinstance(song, Waveform) else load_audio(song)
        samples = resample(waveform.samples, waveform.rate, self.encoder.rate)
        cut = segments.cut(samples, int(self.encoder.segment_seconds * self.encoder.rate))
        measured = measures.measure(waveform, samples, self.encoder.rate)
        embeddings, values = [], []
        for i in range(len(cut)):
            embeddings.append(self.encoder(cut.samples[i : i + 1], cut.valid[i : i + 1]))
            values.append(self.head(embeddings[-1]))
            heard = cut.valid[: i + 1]
            yield Report(
                file=name or (Path(song).name if isinstance(song, str | Path) else ""),
                judge=self.name,
                scores=self._song(embeddings, values, heard),
                missing=self.head.missing,
                spread=self.head.spread,
                segments=tuple(
                    Segment(start / self.encoder.rate, (start + valid) / self.encoder.rate, _scores(value))
                    for start, valid, value in zip(cut.start, heard, values, strict=False)
                ),
                duration=waveform.duration,
                measured=measured,
                weights=self.weights,
                precision=self.encoder.precision,
                seconds=time.perf_counter() - started,
                sha256=waveform.sha256,
            )

    def _song(self, embeddings: list[np.ndarray], values: list[dict[str, np.ndarray]], heard: np.ndarray) -> Scores:
        if self.head.pooling == "embedding":
            return _scores(self.head(np.mean(embeddings, axis=0)))
        counts = heard if self.head.weighted else np.ones(len(heard))
        return _scores({axis: np.average([v[axis] for v in values], axis=0, weights=counts) for axis in values[0]})


def _scores(values: Mapping[str, np.ndarray]) -> Scores:
    """{axis: [1]} -> a number or None for every axis."""
    return {key: float(values[key][0]) if key in values else None for key in KEYS}


def load_audio(path: str | Path) -> Waveform:
    """Decode a song within the limits of the settings. Raises AudioError."""
    config = settings()
    return audio.load(
        path, Limits(max_seconds=60 * config.max_minutes, max_bytes=int(1_000_000 * config.max_megabytes))
    )


def load_judge(
    name: str = DEFAULT,
    weights: str | Path | None = None,
    on_bytes: hub.OnBytes | None = None,
    cached: bool = False,
) -> Judge:
    """Make a judge ready, downloading its weights where they are neither below the folder `weights` nor cached.

    With `cached` nothing is downloaded. Raises UnknownJudge and WeightsError.
    """
    config, module = _module(name, weights)
    snapshots = [hub.fetch(repository, config.weights, on_bytes, cached) for repository in module.repositories(config)]
    encoder, head = module.load(snapshots)
    return Judge(name, encoder, head, tuple(snapshot.weights for snapshot in snapshots) or (head.weights,))


@dataclass(frozen=True)
class State:
    """Whether a judge can answer now, its axes, and where its weights are or why they are not."""

    ready: bool
    axes: tuple[str, ...]
    why: str


def state(name: str, weights: str | Path | None = None) -> State:
    """Find out by making the judge ready from what is on this disk. Nothing is downloaded."""
    config, module = _module(name, weights)
    try:
        judge = load_judge(name, weights, cached=True)
    except WeightsMissing:
        try:
            megabytes = sum(map(hub.download_size, module.repositories(config))) / 1_000_000
            return State(False, (), f"downloads {megabytes:.0f} MB on first use")
        except WeightsMissing as error:
            return State(False, (), str(error))
    except WeightsError as error:
        return State(False, (), str(error))
    return State(True, judge.head.axes, "; ".join(f"{w.repository} ({w.revision})" for w in judge.weights))


def _module(name: str, weights: str | Path | None) -> tuple[Settings, Any]:
    if name not in REGISTRY:
        raise UnknownJudge(f"There is no judge {name!r}. The judges are: {', '.join(REGISTRY)}.")
    config = settings() if weights is None else settings().model_copy(update={"weights": Path(weights)})
    return config, importlib.import_module(f".heads.{REGISTRY[name].module}", __package__)
