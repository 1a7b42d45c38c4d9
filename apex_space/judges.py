"""The registry of judges. A judge is an encoder, a head and the axes they predict."""

import gc
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from . import audio, hub, measures, segments
from .audio import Limits, Waveform
from .axes import KEYS
from .encoders import Encoder
from .errors import UnknownJudge, WeightsError, WeightsMissing
from .memory import Heard, Memory
from .pace import PACE, Pace, Work
from .report import Report, Scores, Segment, Weights, shown
from .resample import resample
from .settings import Settings, settings
from .turns import NETWORKS, QUICK, Line


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


@runtime_checkable
class Gradual(Protocol):
    """An encoder that tells how far it is with a call."""

    def steps(self, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
        """As a call with one segment: shares (0 to 1) of the work that is done, and at last the embeddings [1, ...]."""


@dataclass(frozen=True)
class Entry:
    """One line of the registry. `module` in `heads`, or a `module:name` in it, has `repositories(settings)` and
    `load(snapshots, settings)`.

    `licence` is that of the weights. `work` is that of the networks as published, counted with torch's FlopCounterMode;
    None where it is too little to be counted. A server loads a judge `at_start`, or else when it is first asked.
    """

    title: str
    summary: str
    module: str
    licence: str
    work: Work | None = None
    at_start: bool = False


REGISTRY = {
    "apex": Entry(
        "APEX",
        "the published model: MERT-v1-95M and the APEX head (arXiv 2605.03395)",
        "apex",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        Work(27.1),
        at_start=True,
    ),
    "banger": Entry(
        "Banger",
        "ranks a batch by plays, from each song's first 30 s: MERT-v1-330M and its own head",
        "banger",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        Work(70.6),
    ),
    "songeval": Entry(
        "SongEval",
        "five aesthetic scores of the whole song at once: MuQ and the SongEval toolkit's head (arXiv 2505.10793)",
        "songeval",
        "CC-BY-NC-4.0 (MuQ), CC BY-NC-SA 4.0 (head)",
        Work(35.8, 0.0256),
    ),
    "hear-1": Entry(
        "HEAR 1",
        "musicality, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_1",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        Work(105.4, 0.0523),
    ),
    "hear-2": Entry(
        "HEAR 2",
        "five aesthetic scores, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_2",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        Work(105.4, 0.0523),
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


def about(name: str, seconds: float, pace: Pace = PACE) -> float | None:
    """Seconds that a song of `seconds` will take the judge, once it is loaded; None where nothing tells yet. Raises
    UnknownJudge."""
    return pace.about(name, find(name).work, seconds)


@dataclass(frozen=True)
class Progress:
    """How far a judge is with a song of `duration` seconds.

    `share` is of its work, `left` the seconds that the rest will take, or None where nothing tells yet. `report` is on
    what was heard so far, None before there is a score. While `ahead` songs are before it, it is not opened yet, and
    `left` the seconds that those will take.
    """

    judge: str
    duration: float
    share: float
    left: float | None
    report: Report | None
    ahead: int = 0

    @property
    def done(self) -> bool:
        """Whether the report is on the whole song."""
        return self.share == 1 and self.report is not None


@dataclass(frozen=True)
class Judge:
    """An encoder and a head, ready to hear songs. What was heard before comes from `memory`; `pace` learns of the rest.

    `work` as in Entry. Songs wait in `line`, before they are decoded.
    """

    name: str
    encoder: Encoder
    head: Head
    weights: tuple[Weights, ...]
    memory: Memory
    work: Work | None = None
    pace: Pace = PACE
    line: Line = field(default_factory=Line)

    def __call__(
        self,
        song: str | Path | Waveform,
        on_progress: Callable[[Report], object] | None = None,
        name: str | None = None,
    ) -> Report:
        """Score a song, shown in the report under `name`. `on_progress` gets the report so far after each segment.

        Raises AudioError and Busy.
        """
        for report in self.steps(song, name):
            if on_progress is not None:
                on_progress(report)
        return report

    def steps(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[Report]:
        """The report on what was heard so far, after each segment; the last one is on the whole song."""
        for progress in self.listen(song, name):
            if progress.report is not None:
                yield progress.report

    def listen(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[Progress]:
        """Every step, the first before anything is heard; the last one has the report on the whole song.

        Closed, it stops within a segment, or within a layer where the song is heard whole.
        """
        started = time.perf_counter()
        name = name or ("" if isinstance(song, Waveform) else Path(song).name)
        file = None if isinstance(song, Waveform) else file_hash(song)
        samples = song.sha256 if isinstance(song, Waveform) else self.memory.samples_of(file)
        heard = self.memory.get(self._key(samples)) if samples else None
        if heard is not None:
            yield Progress(self.name, heard.duration, 1.0, 0.0, self._report(heard, name, started))
            return
        with self.line.place() as waiting:
            for ahead in waiting:
                yield Progress(self.name, 0.0, 0.0, self.line.seconds(ahead), None, ahead)
            yield from self._hear(song, name, file)

    def _hear(self, song: str | Path | Waveform, name: str, file: str | None) -> Iterator[Progress]:
        started = time.perf_counter()
        waveform = song if isinstance(song, Waveform) else load_audio(song)
        if (known := self.memory.get(self._key(waveform.sha256))) is not None:  # on disk, by an earlier process
            self.memory.put(self._key(known.sha256), known, file)
            yield Progress(self.name, known.duration, 1.0, 0.0, self._report(known, name, started))
            return
        duration, listening = waveform.duration, self._listen(waveform)
        del waveform  # it is large, and not needed to the end
        yield Progress(self.name, duration, 0.0, self.pace.about(self.name, self.work, duration), None)
        began, heard, whole = time.perf_counter(), None, 1.0
        for share, heard in listening:
            whole = min(whole, share)
            left = (time.perf_counter() - began) * (1 - share) / share
            report = None if heard is None else self._report(heard, name, started)
            yield Progress(self.name, duration, share, left, report)
        assert heard is not None
        if not (isinstance(self.encoder, Gradual) and whole == 1):  # or another judge had done its work already
            self.pace.keep(self.name, self.work, duration, time.perf_counter() - began)
        self.memory.put(self._key(heard.sha256), heard, file)

    def _key(self, samples: str) -> str:
        """What a song's Heard depends on, the versions of the code that makes it included."""
        made_by = self.encoder.precision, self.encoder.embeddings_version, measures.VERSION
        parts = (samples, self.name, *map(str, self.weights), *map(str, made_by))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _listen(self, waveform: Waveform) -> Iterator[tuple[float, Heard | None]]:
        """The share of the work that is done and, after each segment, what was heard."""
        rate = self.encoder.rate
        samples = resample(waveform.samples, waveform.rate, rate, self.encoder.resampling)
        cut = segments.cut(samples, self.encoder.segment_seconds * rate)
        about = waveform.duration, waveform.sha256, measures.measure(waveform, samples, rate)
        del waveform, samples  # for ten minutes, 160 MB that the encoder can use
        embeddings: list[np.ndarray] = []
        for start in range(0, len(cut), self.encoder.batch):
            end = min(start + self.encoder.batch, len(cut))
            for made in _steps(self.encoder, cut.samples[start:end], cut.valid[start:end]):
                if isinstance(made, float):
                    yield (start + made) / len(cut), None
                else:
                    embeddings.append(made)
            parts = np.concatenate(embeddings), cut.start[:end], cut.valid[:end]
            yield end / len(cut), Heard(*parts, rate, *about)

    def _report(self, heard: Heard, name: str, started: float) -> Report:
        values = self.head(heard.embeddings)
        return Report(
            file=shown(name),
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


def _steps(encoder: Encoder, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
    """The embeddings and, where the encoder tells, shares of the work before them."""
    if isinstance(encoder, Gradual):
        yield from encoder.steps(samples, valid)
    else:
        yield encoder(samples, valid)


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
    gc.collect()  # of a judge that was let go of before: networks hold themselves, up to 2.4 GB
    encoder, head = module.load(snapshots, config)
    sources, work = tuple(snapshot.weights for snapshot in snapshots) or (head.weights,), find(name).work
    return Judge(name, encoder, head, sources, memory(), work, line=NETWORKS if work else QUICK)


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


def card(name: str) -> str | None:
    """The model card that is shipped with a judge's weights, in Markdown; None where it is with them on the Hub."""
    file = Path(__file__).parent / "heads" / f"{find(name).module.split(':')[0]}.md"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _module(name: str, weights: str | Path | None, precision: str | None = None) -> tuple[Settings, Any]:
    entry = find(name)
    given = {"weights": weights and Path(weights), "precision": precision}
    config = settings().model_copy(update={key: value for key, value in given.items() if value is not None})
    file, _, part = entry.module.partition(":")
    module = import_module(f".heads.{file}", __package__)
    return config, getattr(module, part) if part else module
