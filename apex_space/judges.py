"""The registry of judges. A judge is an encoder, a head and the axes they predict."""

import hashlib
import os
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import __version__, audio, hub, measures, segments
from .audio import Limits, Waveform
from .axes import KEYS
from .encoders import Encoder
from .errors import UnknownJudge, WeightsError, WeightsMissing
from .memory import Heard, Memory
from .report import Report, Scores, Segment, Weights
from .resample import resample
from .settings import Settings, settings


class Head(Protocol):
    """Embeddings -> scores.

    `missing` gives the reason for each axis not in `axes`; `spread` as in Report. `pooling` is what a song's segments
    are averaged over, "embedding" or "score".
    """

    axes: tuple[str, ...]
    missing: Mapping[str, str]
    spread: Mapping[str, float]
    pooling: str

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """How much segments of that length [S] count in the song's scores."""

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """`embeddings` [S, ...] -> {axis: [S]}."""


@dataclass(frozen=True)
class Entry:
    """One line of the registry. `module` in `heads`, or a `module:name` in it, has `repositories(settings)` and
    `load(snapshots, settings)`.

    `licence` is that of the weights. A server loads a judge `at_start`, or else when it is first asked.
    """

    title: str
    summary: str
    module: str
    licence: str
    at_start: bool = False


REGISTRY = {
    "apex": Entry(
        "APEX",
        "the published model: MERT-v1-95M and the APEX head (arXiv 2605.03395)",
        "apex",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        at_start=True,
    ),
    "banger": Entry(
        "Banger",
        "ranks a batch by plays, from each song's first 30 s: MERT-v1-330M and its own head",
        "banger",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
    ),
    "songeval": Entry(
        "SongEval",
        "five aesthetic scores of the whole song at once: MuQ and the SongEval toolkit's head (arXiv 2505.10793)",
        "songeval",
        "CC-BY-NC-4.0 (MuQ), CC BY-NC-SA 4.0 (head)",
    ),
    "hear-1": Entry(
        "HEAR 1",
        "musicality, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_1",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
    ),
    "hear-2": Entry(
        "HEAR 2",
        "five aesthetic scores, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_2",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
    ),
    "pocket": Entry(
        "Pocket",
        "a quick preview trained on small real data, shipped with the app; not APEX",
        "pocket",
        "non-commercial (trained on CC BY-NC-SA data)",
        at_start=True,
    ),
}
"""The most trusted judge first."""
DEFAULT = "pocket"


def find(name: str) -> Entry:
    """The registry's line of that name. Raises UnknownJudge."""
    if name not in REGISTRY:
        raise UnknownJudge(f"There is no judge {name!r}. The judges are: {', '.join(REGISTRY)}.")
    return REGISTRY[name]


@dataclass(frozen=True)
class Judge:
    """An encoder and a head, ready to hear songs. What was heard before comes from `memory`."""

    name: str
    encoder: Encoder
    head: Head
    weights: tuple[Weights, ...]
    memory: Memory

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
        name = name or ("" if isinstance(song, Waveform) else Path(song).name)
        file = None if isinstance(song, Waveform) else file_hash(song)
        samples = song.sha256 if isinstance(song, Waveform) else self.memory.samples_of(file)
        heard = self.memory.get(self._key(samples)) if samples else None
        if heard is not None:
            yield self._report(heard, name, started)
            return
        for so_far in self._listen(song if isinstance(song, Waveform) else load_audio(song)):
            yield self._report(so_far, name, started)
        self.memory.put(self._key(so_far.sha256), so_far, file)

    def _key(self, samples: str) -> str:
        """What the embeddings depend on, this version of the code included."""
        parts = (samples, self.name, *map(str, self.weights), self.encoder.precision, __version__)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _listen(self, waveform: Waveform) -> Iterator[Heard]:
        """What was heard, after each segment."""
        rate = self.encoder.rate
        samples = resample(waveform.samples, waveform.rate, rate, self.encoder.resampling)
        cut = segments.cut(samples, self.encoder.segment_seconds * rate)
        about = waveform.duration, waveform.sha256, measures.measure(waveform, samples, rate)
        del waveform, samples  # for ten minutes, 160 MB that the encoder can use
        embeddings: list[np.ndarray] = []
        for start in range(0, len(cut), self.encoder.batch):
            end = start + self.encoder.batch
            embeddings.append(self.encoder(cut.samples[start:end], cut.valid[start:end]))
            parts = np.concatenate(embeddings), cut.start[:end], cut.valid[:end]
            yield Heard(*parts, rate, *about)

    def _report(self, heard: Heard, name: str, started: float) -> Report:
        values = self.head(heard.embeddings)
        return Report(
            file=name,
            judge=self.name,
            scores=self._song(heard, values),
            missing=self.head.missing,
            spread=self.head.spread,
            segments=tuple(
                Segment(start / heard.rate, (start + valid) / heard.rate, _scores(values, i))
                for i, (start, valid) in enumerate(zip(heard.start.tolist(), heard.valid.tolist(), strict=True))
            ),
            duration=heard.duration,
            measured=heard.measured,
            weights=self.weights,
            precision=self.encoder.precision,
            precision_reason=self.encoder.reason,
            seconds=time.perf_counter() - started,
            sha256=heard.sha256,
        )

    def _song(self, heard: Heard, values: Mapping[str, np.ndarray]) -> Scores:
        if self.head.pooling == "embedding":
            return _scores(self.head(heard.embeddings.mean(0, keepdims=True)), 0)
        counts = self.head.counts(heard.valid / heard.rate)
        return _scores({axis: np.average(v, weights=counts)[None] for axis, v in values.items()}, 0)


def _scores(values: Mapping[str, np.ndarray], at: int) -> Scores:
    """{axis: [S]} -> the `at`-th number, or None, for every axis."""
    return {key: float(values[key][at]) if key in values else None for key in KEYS}


def file_hash(path: str | Path) -> str | None:
    """Hash of a file's bytes; None where it cannot be read, or is over the limit, which `load_audio` will say."""
    try:
        with Path(path).open("rb") as file:
            within = os.fstat(file.fileno()).st_size <= settings().max_megabytes * 1_000_000
            return hashlib.file_digest(file, "sha256").hexdigest() if within else None
    except OSError:
        return None


def load_audio(path: str | Path) -> Waveform:
    """Decode a song within the limits of the settings. Raises AudioError."""
    config = settings()
    return audio.load(
        path, Limits(max_seconds=60 * config.max_minutes, max_bytes=int(1_000_000 * config.max_megabytes))
    )


def load_judge(
    name: str = DEFAULT,
    weights: str | Path | None = None,
    precision: str | None = None,
    on_bytes: hub.OnBytes | None = None,
    cached: bool = False,
) -> Judge:
    """Make a judge ready, downloading its weights where they are neither below the folder `weights` nor cached.

    `weights` and `precision` stand in for the settings of that name; with `cached` nothing is downloaded. Raises
    UnknownJudge and WeightsError.
    """
    config, module = _module(name, weights, precision)
    snapshots = [hub.fetch(repository, config.weights, on_bytes, cached) for repository in module.repositories(config)]
    encoder, head = module.load(snapshots, config)
    sources = tuple(snapshot.weights for snapshot in snapshots) or (head.weights,)
    return Judge(name, encoder, head, sources, memory())


@cache
def memory() -> Memory:
    """What this process has heard, shared by all judges."""
    return Memory(settings().memory, settings().memory_megabytes)


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


def _module(name: str, weights: str | Path | None, precision: str | None = None) -> tuple[Settings, Any]:
    entry = find(name)
    given = {"weights": weights and Path(weights), "precision": precision}
    config = settings().model_copy(update={key: value for key, value in given.items() if value is not None})
    return config, pkgutil.resolve_name(f"{__package__}.heads.{entry.module}")
