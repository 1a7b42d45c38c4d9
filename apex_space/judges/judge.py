"""The registry of judges. A judge is an encoder, a head and the axes they predict."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ..audio import features, segments
from ..audio.resample import resample
from ..audio.waveform import Waveform, file_hash, load_song
from ..core.axes import KEYS
from ..core.text import sanitize
from ..models.encoders.encoder import Encoder
from ..models.hub import Weights
from .cache import CachedEmbeddings, EmbeddingCache
from .eta import ESTIMATOR, ComputeCost, ThroughputEstimator
from .queueing import SongQueue
from .report import Report, Scores, Segment

SongInput = str | Path | Waveform
"""A song's file, or the song decoded."""


class ScoreHead(Protocol):
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
class ReportsProgress(Protocol):
    """An encoder that tells how far it is with a call."""

    def steps(self, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
        """As a call with one segment: shares (0 to 1) of the work that is done, and at last the embeddings [1, ...]."""


@dataclass(frozen=True)
class ScoringProgress:
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
    """An encoder and a head, ready to score songs.

    Songs wait in `queue` before they are decoded. Embeddings that were computed before come from `cache`; `estimator`
    records how long new ones take. `cost` as in JudgeEntry.
    """

    name: str
    encoder: Encoder
    head: ScoreHead
    weights: tuple[Weights, ...]
    cache: EmbeddingCache
    cost: ComputeCost | None = None
    estimator: ThroughputEstimator = ESTIMATOR
    queue: SongQueue = field(default_factory=SongQueue)

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

    def listen(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[ScoringProgress]:
        """Every step, the first before anything is heard; the last one has the report on the whole song.

        Closed, it stops within a segment, or within a layer where the song is heard whole.
        """
        started = time.perf_counter()
        name = name or ("" if isinstance(song, Waveform) else Path(song).name)
        file = None if isinstance(song, Waveform) else file_hash(song)
        samples = song.sha256 if isinstance(song, Waveform) else self.cache.sample_hash(file)
        heard = self.cache.get(self._key(samples)) if samples else None
        if heard is not None:
            yield ScoringProgress(self.name, heard.duration, 1.0, 0.0, self._report(heard, name, started))
            return
        with self.queue.slot() as waiting:
            for ahead in waiting:
                yield ScoringProgress(self.name, 0.0, 0.0, self.queue.seconds(ahead), None, ahead)
            yield from self._hear(song, name, file)

    def _hear(self, song: str | Path | Waveform, name: str, file: str | None) -> Iterator[ScoringProgress]:
        started = time.perf_counter()
        waveform = song if isinstance(song, Waveform) else load_song(song)
        if (known := self.cache.get(self._key(waveform.sha256))) is not None:  # on disk, by an earlier process
            self.cache.put(self._key(known.sha256), known, file)
            yield ScoringProgress(self.name, known.duration, 1.0, 0.0, self._report(known, name, started))
            return
        duration, listening = waveform.duration, self._listen(waveform)
        del waveform  # it is large, and not needed to the end
        yield ScoringProgress(
            self.name, duration, 0.0, self.estimator.estimate_seconds(self.name, self.cost, duration), None
        )
        began, heard, whole = time.perf_counter(), None, 1.0
        for share, heard in listening:
            whole = min(whole, share)
            left = (time.perf_counter() - began) * (1 - share) / share
            report = None if heard is None else self._report(heard, name, started)
            yield ScoringProgress(self.name, duration, share, left, report)
        assert heard is not None
        if not (isinstance(self.encoder, ReportsProgress) and whole == 1):  # or another judge had done its work already
            self.estimator.record(self.name, self.cost, duration, time.perf_counter() - began)
        self.cache.put(self._key(heard.sha256), heard, file)

    def _key(self, samples: str) -> str:
        """What a song's Heard depends on, the versions of the code that makes it included."""
        made_by = self.encoder.precision, self.encoder.embeddings_version, features.VERSION
        parts = (samples, self.name, *map(str, self.weights), *map(str, made_by))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _listen(self, waveform: Waveform) -> Iterator[tuple[float, CachedEmbeddings | None]]:
        """The share of the work that is done and, after each segment, what was heard."""
        rate = self.encoder.rate
        samples = resample(waveform.samples, waveform.rate, rate, self.encoder.resampling)
        cut = segments.cut(samples, self.encoder.segment_seconds * rate)
        about = waveform.duration, waveform.sha256, features.measure(waveform, samples, rate)
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
            yield end / len(cut), CachedEmbeddings(*parts, rate, *about)

    def _report(self, heard: CachedEmbeddings, name: str, started: float) -> Report:
        values = self.head(heard.embeddings)
        return Report(
            file=sanitize(name),
            judge=self.name,
            scores=self._song(heard, values),
            missing=self.head.missing,
            spread=self.head.spread,
            segments=tuple(
                Segment(start / heard.rate, (start + valid) / heard.rate, _scores(values, i))
                for i, (start, valid) in enumerate(zip(heard.start.tolist(), heard.valid.tolist(), strict=True))
            ),
            duration=heard.duration,
            features=heard.features,
            weights=self.weights,
            precision=self.encoder.precision,
            precision_reason=self.encoder.reason,
            seconds=time.perf_counter() - started,
            sha256=heard.sha256,
        )

    def _song(self, heard: CachedEmbeddings, values: Mapping[str, np.ndarray]) -> Scores:
        if self.head.pooling == "embedding":
            return _scores(self.head(heard.embeddings.mean(0, keepdims=True)), 0)
        counts = self.head.counts(heard.valid / heard.rate)
        return _scores({axis: np.average(v, weights=counts)[None] for axis, v in values.items()}, 0)


def _steps(encoder: Encoder, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
    """The embeddings and, where the encoder tells, shares of the work before them."""
    if isinstance(encoder, ReportsProgress):
        yield from encoder.steps(samples, valid)
    else:
        yield encoder(samples, valid)


def _scores(values: Mapping[str, np.ndarray], at: int) -> Scores:
    """{axis: [S]} -> the `at`-th number, or None, for every axis."""
    return {key: float(values[key][at]) if key in values else None for key in KEYS}
