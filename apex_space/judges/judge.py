"""A judge, which scores songs: an encoder, a head and the axes they predict."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from .. import __version__
from ..audio import features, segments
from ..audio.resample import resample
from ..audio.waveform import Waveform, file_hash, load_song
from ..core.axes import KEYS
from ..core.errors import PromptRefused
from ..core.text import printable
from ..models.encoders.encoder import Encoder, HearsOriginal, KeepsParts, ReportsProgress
from ..models.hub import Weights
from .embedding_cache import CachedEmbeddings, EmbeddingCache
from .eta import ESTIMATOR, ComputeCost, ThroughputEstimator
from .queueing import SongQueue
from .report import Report, Scores, Segment
from .windows import windows

NO_PROMPT = "{judge} hears no prompt. Only tunejury does, if it is loaded with one."
SongInput = str | Path | Waveform
"""A song: the path of its file, or its decoded waveform."""


class ScoreHead(Protocol):
    """Computes scores from embeddings.

    `missing` gives the reason for each axis that is not in `axes`. `spread` is as in Report. `pooling` says what is
    averaged over a song's segments: "embedding" or "score".
    """

    axes: tuple[str, ...]
    missing: Mapping[str, str]
    spread: Mapping[str, float]
    pooling: str

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return how much segments of `seconds` [S] count in the song's scores [S]."""

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Score `embeddings` [S, ...] -> {axis: [S]}."""


@runtime_checkable
class HearsPrompt(ScoreHead, Protocol):
    """A head that can score songs for a prompt, if it `hears_prompts`."""

    hears_prompts: bool

    def prompted(self, prompt: str) -> ScoreHead:
        """Return a head that scores songs for this prompt; an empty one is none."""


@dataclass(frozen=True)
class ScoringProgress:
    """How far a judge is with a song of `duration` seconds.

    `share` is the share of the work that is done. `left` is how many seconds the rest will take, or None if that cannot
    be estimated yet. `report` covers the part of the song that was scored so far; it is None before the first score.
    The song is not opened yet, and `duration` is 0, while `ahead` songs are ahead in the queue (then `left` is how many
    seconds those songs will take) and while the judge is loaded.
    """

    judge: str
    duration: float
    share: float
    left: float | None
    report: Report | None
    ahead: int = 0

    @property
    def loading(self) -> bool:
        """Return whether it is the song's turn and the judge is being loaded for it."""
        return not self.ahead and not self.duration

    @property
    def done(self) -> bool:
        """Return whether the report covers the whole song."""
        return self.share == 1 and self.report is not None


@dataclass
class EncoderProperties:
    """What is known of an encoder that is not in memory. The fields are those of Encoder."""

    rate: int
    resampling: str
    segment_seconds: float
    precision: str
    reason: str
    batch: int
    part_seconds: float
    embeddings_version: int

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Raise RuntimeError: the networks have to be lent first."""
        raise RuntimeError("this judge's encoder is not in memory")


Lend = Callable[[], AbstractContextManager[Iterator["Judge | None"]]]
"""Lends a judge for one song, as JudgeLender.lend does."""


@dataclass(frozen=True)
class Judge:
    """An encoder and a head, ready to score songs.

    Songs wait in `queue` before they are decoded. Embeddings that were computed before come from `cache`. `estimator`
    records how long new ones take. `cost` is as in JudgeEntry. If `lend` is not None, the encoder has only properties,
    and `lend` lends a judge with the networks when it is a song's turn. `prompt` is what songs are scored for, if the
    judge hears a prompt.
    """

    name: str
    encoder: Encoder
    head: ScoreHead
    weights: tuple[Weights, ...]
    cache: EmbeddingCache
    cost: ComputeCost | None = None
    estimator: ThroughputEstimator = ESTIMATOR
    queue: SongQueue = field(default_factory=SongQueue)
    lend: Lend | None = None
    prompt: str = ""

    def prompted(self, prompt: str) -> "Judge":
        """Return this judge with a prompt for which it scores all songs. Raises PromptRefused and WeightsInvalid."""
        if not isinstance(self.head, HearsPrompt) or not self.head.hears_prompts:
            raise PromptRefused(NO_PROMPT, judge=self.name)
        return replace(self, head=self.head.prompted(prompt), prompt=prompt)

    def lent_by(self, lend: Lend) -> "Judge":
        """Return this judge without the encoder's networks, which `lend` lends for each song."""
        names = [each.name for each in fields(EncoderProperties)]
        properties = EncoderProperties(**{name: getattr(self.encoder, name) for name in names})
        return replace(self, encoder=properties, lend=lend)

    def __call__(
        self,
        song: str | Path | Waveform,
        on_progress: Callable[[Report], object] | None = None,
        name: str | None = None,
    ) -> Report:
        """Score a song and return the report, which shows the song under `name`.

        `on_progress` is called with the report so far after each segment (on a GPU, after each batch of segments).
        Raises AudioError and Busy.
        """
        for report in self.steps(song, name):
            if on_progress is not None:
                on_progress(report)
        return report

    def embeddings(self, song: str | Path | Waveform) -> CachedEmbeddings:
        """Score a song and return the embeddings of which the scores were computed. Raises AudioError and Busy."""
        cached = self.cache.get(self._key(self(song).sha256))
        assert cached is not None  # scoring has just put it there
        return cached

    def steps(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[Report]:
        """Yield the report so far after each segment or batch of segments. The last report covers the whole song."""
        for progress in self.score(song, name):
            if progress.report is not None:
                yield progress.report

    def score(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[ScoringProgress]:
        """Score a song. Yield its progress; the last item has the report on the whole song.

        The first item comes before any part of the song is scored. Closing the generator stops the work within a
        segment, or within a layer if the song is encoded as a whole.
        """
        started = time.perf_counter()
        name = name or ("" if isinstance(song, Waveform) else Path(song).name)
        file = None if isinstance(song, Waveform) else file_hash(song)
        samples = song.sha256 if isinstance(song, Waveform) else self.cache.sample_hash(file)
        encoded = self.cache.get(self._key(samples)) if samples else None
        if encoded is not None:
            yield ScoringProgress(self.name, encoded.duration, 1.0, 0.0, self._report(encoded, name, started))
            return
        with self.queue.slot() as waiting:
            for ahead in waiting:
                yield ScoringProgress(self.name, 0.0, 0.0, self.queue.seconds(ahead), None, ahead)
            if self.lend is None:
                yield from self._score_new(song, name, file)
            else:
                yield from self._score_lent(self.lend, song, name, file)

    def _score_lent(
        self, lend: Lend, song: str | Path | Waveform, name: str, file: str | None
    ) -> Iterator[ScoringProgress]:
        with lend() as lending:
            for judge in lending:
                if judge is None:
                    yield ScoringProgress(self.name, 0.0, 0.0, None, None)
                else:
                    yield from replace(judge, head=self.head, prompt=self.prompt, cache=self.cache)._score_new(
                        song, name, file
                    )

    def _score_new(self, song: str | Path | Waveform, name: str, file: str | None) -> Iterator[ScoringProgress]:
        started = time.perf_counter()
        waveform = song if isinstance(song, Waveform) else load_song(song)
        if (known := self.cache.get(self._key(waveform.sha256))) is not None:  # cached on disk by an earlier process
            self.cache.put(self._key(known.sha256), known, file)
            yield ScoringProgress(self.name, known.duration, 1.0, 0.0, self._report(known, name, started))
            return
        duration, encoding = waveform.duration, self._encode(waveform)
        del waveform  # it is large and no longer needed
        yield ScoringProgress(
            self.name, duration, 0.0, self.estimator.estimate_seconds(self.name, self.cost, duration), None
        )
        began, encoded, whole = time.perf_counter(), None, 1.0
        for share, encoded in encoding:
            whole = min(whole, share)
            left = (time.perf_counter() - began) * (1 - share) / share
            report = None if encoded is None else self._report(encoded, name, started)
            yield ScoringProgress(self.name, duration, share, left, report)
        assert encoded is not None
        if not (isinstance(self.encoder, ReportsProgress) and whole == 1):  # else another judge had done the work
            self.estimator.record(self.name, self.cost, duration, time.perf_counter() - began)
        self.cache.put(self._key(encoded.sha256), encoded, file)

    def _key(self, samples: str) -> str:
        """Return the key of a song's embeddings in the cache.

        It depends on everything that the embeddings depend on, including the versions of the code, and on what is kept.
        """
        made_by: list[object] = [self.encoder.precision, self.encoder.embeddings_version, features.VERSION]
        if self.encoder.part_seconds:
            made_by.append(f"parts of {self.encoder.part_seconds:g} s")
        parts = (samples, self.name, *map(str, self.weights), *map(str, made_by))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _encode(self, waveform: Waveform) -> Iterator[tuple[float, CachedEmbeddings | None]]:
        """Encode a song. Yield the share of the work that is done and, after each batch, the embeddings so far."""
        rate = self.encoder.rate
        samples = resample(waveform.samples, waveform.rate, rate, self.encoder.resampling)
        cut = segments.cut(samples, self.encoder.segment_seconds * rate)
        about = waveform.duration, waveform.sha256, features.measure(waveform, samples, rate)
        encoder: Encoder | ReportsProgress = self.encoder
        if isinstance(encoder, HearsOriginal):
            start, length = encoder.heard(len(samples))
            cut = replace(cut, start=np.array([start]), valid=np.array([length]))
            encoder = encoder.for_song(waveform.samples, waveform.rate)
        del waveform, samples  # for a song of ten minutes, this frees 160 MB for the encoder
        embeddings: list[np.ndarray] = []
        parts: list[np.ndarray] = []
        for start in range(0, len(cut), self.encoder.batch):
            end = min(start + self.encoder.batch, len(cut))
            for made in _steps(encoder, cut.samples[start:end], cut.valid[start:end]):
                if isinstance(made, float):
                    yield (start + made) / len(cut), None
                else:
                    embeddings.append(made[0])
                    parts += made[1:]
            arrays = np.concatenate(embeddings), cut.start[:end], cut.valid[:end]
            kept = (np.concatenate(parts), self.encoder.part_seconds) if parts else ()
            yield end / len(cut), CachedEmbeddings(*arrays, rate, *about, *kept)

    def _report(self, encoded: CachedEmbeddings, name: str, started: float) -> Report:
        values = self.head(encoded.embeddings)
        counts = self.head.counts(encoded.valid / encoded.rate) > 0
        lifts = self._lifts(encoded, values) if counts.sum() > 1 else [{}] * len(counts)
        times = zip(encoded.start.tolist(), encoded.valid.tolist(), lifts, strict=True)
        return Report(
            file=printable(name),
            judge=self.name,
            scores=self._song(encoded, values),
            missing=self.head.missing,
            spread=self.head.spread,
            segments=tuple(
                Segment(start / encoded.rate, (start + valid) / encoded.rate, _scores(values, i), bool(counts[i]), lift)
                for i, (start, valid, lift) in enumerate(times)
            ),
            windows=windows(encoded, self.head),
            duration=encoded.duration,
            features=encoded.features,
            weights=self.weights,
            precision=self.encoder.precision,
            precision_reason=self.encoder.reason,
            seconds=time.perf_counter() - started,
            sha256=encoded.sha256,
            version=__version__,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            prompt=printable(self.prompt),
        )

    def _lifts(self, encoded: CachedEmbeddings, values: Mapping[str, np.ndarray]) -> list[Mapping[str, float]]:
        """Return by how much each segment lifts the song's scores, exactly: by leaving it out."""
        song = self._song(encoded, values)
        if self.head.pooling == "embedding":
            total, others = encoded.embeddings.sum(0, dtype=np.float64), len(encoded.embeddings) - 1
            without = self.head(((total - encoded.embeddings) / others).astype(np.float32))
        else:
            counts = self.head.counts(encoded.valid / encoded.rate)
            without = {axis: (counts @ v - counts * v) / (counts.sum() - counts) for axis, v in values.items()}
        return [
            {axis: known - float(v[i]) for axis, v in without.items() if (known := song[axis]) is not None}
            for i in range(len(encoded.embeddings))
        ]

    def _song(self, encoded: CachedEmbeddings, values: Mapping[str, np.ndarray]) -> Scores:
        if self.head.pooling == "embedding":
            return _scores(self.head(encoded.embeddings.mean(0, keepdims=True)), 0)
        counts = self.head.counts(encoded.valid / encoded.rate)
        return _scores({axis: np.average(v, weights=counts)[None] for axis, v in values.items()}, 0)


def _steps(
    encoder: Encoder | ReportsProgress, samples: np.ndarray, valid: np.ndarray
) -> Iterator[float | tuple[np.ndarray, ...]]:
    """Yield the embeddings and, if the encoder gives them, those of the segments' parts.

    If the encoder reports its progress, first yield the shares of the work that is done.
    """
    if isinstance(encoder, ReportsProgress):
        for made in encoder.steps(samples, valid):
            yield made if isinstance(made, float) else (made,)
    elif isinstance(encoder, KeepsParts) and encoder.part_seconds:
        yield encoder.in_parts(samples, valid)
    else:
        yield (encoder(samples, valid),)


def _scores(values: Mapping[str, np.ndarray], at: int) -> Scores:
    """Return entry `at` of `values` {axis: [S]} for every axis, or None for an axis that is not in `values`."""
    return {key: float(values[key][at]) if key in values else None for key in KEYS}
