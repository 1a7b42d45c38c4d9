"""Measures what damage to a song does to a judge's scores: how far they fall, in order or not, and when it is noticed.

A score notices a damage if it falls below the intact song's score by more than the noise floor. The noise floor is the
NOTICED quantile of how far the score moves, up or down, when something is done to a song that nobody hears (INAUDIBLE).
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .. import __version__
from ..audio.damage import INAUDIBLE, KINDS, RATE, SEVERITIES, Kind
from ..audio.resample import resample
from ..audio.waveform import Waveform, fingerprint, load_song
from ..core.errors import AudioError, EvaluationError, TooShort
from ..core.intervals import bootstrap_counts, interval
from ..judges.judge import Judge
from ..judges.report import Failure
from ..ranking.songs import BatchSong
from .profile import Check, Half, Listened, Profile, Response
from .published import PMQD, PMQD_ORIGINAL

NOTICED = 0.95
"""Quantile of the score changes of harmlessly changed copies, by size. A copy is noticed if its score falls further
than this quantile."""
MIN_SECONDS = 3.0
"""Shortest sound to damage: some kinds cut it into several sections."""
LISTENED = {"noise": "noise", "saturate": "distortion", "dull": "low-pass", "pump": "limiter"}
"""Kind -> the degradation in PMQD that is most like it."""
RATED_AXIS = "clarity"
"""The score that is compared with PMQD's ratings, which are of audio quality."""


@dataclass
class Scores:
    """Scores of all versions of the songs so far, and the songs that failed.

    `values` has an array [V, A] for each song, of its versions and of the `axes` in their order. The versions are the
    intact song, the INAUDIBLE changes, and each of the `kinds` at each of the SEVERITIES.
    """

    kinds: tuple[Kind, ...]
    axes: tuple[str, ...]
    songs: list[str] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @property
    def versions(self) -> int:
        """Return the number of versions of each song."""
        return 1 + len(INAUDIBLE) + len(self.kinds) * len(SEVERITIES)


@dataclass(frozen=True)
class RobustnessProgress:
    """How far a measurement is: `done` of `total` versions of songs. `left` is in seconds, None if not known yet.

    `song` is the song just finished, with its `error` if it failed, or "" amid a song.
    """

    done: int
    total: int
    left: float | None
    song: str = ""
    error: str = ""


def choose(names: Collection[str]) -> tuple[Kind, ...]:
    """Return the kinds of damage of these names, or all if there is none. Raises EvaluationError."""
    known = {kind.name for kind in KINDS}
    if wrong := sorted(set(names) - known):
        raise EvaluationError(f"There is no damage {wrong[0]!r}. The damages are: {', '.join(k.name for k in KINDS)}.")
    return tuple(kind for kind in KINDS if not names or kind.name in names)


def measure(songs: Sequence[BatchSong], judge: Judge, scores: Scores, seconds: float) -> Iterator[RobustnessProgress]:
    """Score all versions of the songs' middle `seconds`, and add them to `scores` song by song. Yield progress.

    A song that cannot be scored is added to the failed ones. Raises Busy.
    """
    total, began, taken = len(songs) * scores.versions, time.perf_counter(), 0
    heard: dict[str, str] = {}
    for place, song in enumerate(songs, 1):
        rows: list[list[float]] = []
        error = song.error
        try:
            for copy in () if error else _versions(song, seconds, scores.kinds, heard):
                rows.append(_score(judge, copy, scores.axes))
                taken += 1
                done = (place - 1) * scores.versions + len(rows)
                yield RobustnessProgress(done, total, (time.perf_counter() - began) / taken * (total - done))
        except AudioError as reason:
            error = str(reason)
        if error:
            scores.failed.append(Failure(song.name, error))
        else:
            scores.songs.append(song.name)
            scores.values.append(np.array(rows))
        done = place * scores.versions
        left = (time.perf_counter() - began) / taken * (total - done) if taken else None
        yield RobustnessProgress(done, total, left, song.name, error)


def _versions(song: BatchSong, seconds: float, kinds: Sequence[Kind], heard: dict[str, str]) -> Iterator[Waveform]:
    """Yield all versions of a song. `heard` are the songs so far, by their hashes. Raises AudioError.

    All are at RATE, also the intact one, for the severities are meant for it. What is drawn by chance depends on the
    song and the kind of damage only, so that a worse version is the same damage, but worse. The levels are the song's
    own, whatever is done to it; no judge hears them.
    """
    whole = load_song(song.path)
    if whole.sha256 in heard:
        raise AudioError(f"It has the same sound as {heard[whole.sha256]}, which is measured.")
    heard[whole.sha256] = song.name
    length = min(len(whole.samples), int(seconds * whole.rate))
    start = (len(whole.samples) - length) // 2
    samples = resample(whole.samples[start : start + length], whole.rate, RATE)
    if len(samples) < MIN_SECONDS * RATE:
        raise TooShort(f"The sound lasts less than {MIN_SECONDS:g} s. Take a longer part.")

    def made(copy: np.ndarray) -> Waveform:
        copy = np.ascontiguousarray(copy, np.float32)
        return Waveform(copy, RATE, fingerprint(copy, RATE), whole.levels)

    yield made(samples)
    for change in INAUDIBLE.values():
        yield made(change(samples, RATE))
    for kind in kinds:
        for severity in SEVERITIES:
            rng = np.random.default_rng([int(whole.sha256[:8], 16), KINDS.index(kind)])
            yield made(kind(samples, RATE, severity, rng))


def _score(judge: Judge, copy: Waveform, axes: Sequence[str]) -> list[float]:
    scores = judge(copy).scores
    return [np.nan if (score := scores[axis]) is None else score for axis in axes]


def profile(judge: Judge, scores: Scores, seconds: float) -> Profile:
    """Return the profile that the scores so far make, with 95% intervals from resampling songs.

    Raises EvaluationError if there are less than two songs.
    """
    songs = len(scores.songs)
    if songs < 2:
        raise EvaluationError("A profile needs two songs or more: its intervals come from resampling them.")
    counts = bootstrap_counts(songs)
    values = np.stack(scores.values)
    intact, change = values[:, 0], values[:, 1:] - values[:, :1]
    floors = _floors(change[:, : len(INAUDIBLE)], counts)
    damaged = change[:, len(INAUDIBLE) :].reshape(songs, len(scores.kinds), len(SEVERITIES), -1)
    return Profile(
        judge.name,
        judge.weights,
        __version__,
        tuple(scores.songs),
        seconds,
        SEVERITIES,
        {axis: float(mean) for axis, mean in zip(scores.axes, intact.mean(0), strict=True)},
        {axis: interval(column) for axis, column in zip(scores.axes, floors.T, strict=True)},
        tuple(
            _response(kind.name, axis, damaged[:, k, :, a], floors[:, a], counts)
            for a, axis in enumerate(scores.axes)
            for k, kind in enumerate(scores.kinds)
        ),
        _check(scores, damaged, counts),
    )


def _floors(moved: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the noise floors [1 + RESAMPLES, A] of score changes [S, INAUDIBLE, A]."""
    size = np.abs(moved)
    return np.array([np.quantile(np.repeat(size, drawn, 0), NOTICED, axis=(0, 1)) for drawn in counts])


def _response(kind: str, axis: str, change: np.ndarray, floors: np.ndarray, counts: np.ndarray) -> Response:
    """Return what is known of the changes [S, severities] of a score, with its noise floors [1 + RESAMPLES]."""
    songs = len(change)
    noticed = np.array([drawn @ (change < -floor) for drawn, floor in zip(counts, floors, strict=True)]) / songs
    steps = np.diff(change, axis=1, prepend=0)
    return Response(
        kind,
        axis,
        tuple(map(interval, (counts @ change / songs).T)),
        tuple(map(interval, noticed.T)),
        interval(counts @ _orders(change) / songs),
        interval(counts @ (steps < 0).mean(1) / songs),
        _half(noticed),
    )


def _orders(change: np.ndarray) -> np.ndarray:
    """Return the rank correlation [S] of each song's changes [S, severities] with the severity.

    The intact song counts as severity 0. A score that does not move has no order: 0.
    """
    from .metrics import srcc

    severities = np.array([0.0, *SEVERITIES])
    return np.array([srcc(severities, np.append(0, row)) for row in change])


def _half(noticed: np.ndarray) -> Half:
    """Return where half of the songs are noticed, by the shares [1 + RESAMPLES, severities]."""
    found = [half_way(shares) for shares in noticed.tolist()]
    drawn = sorted(np.inf if at is None else at for at in found[1:])
    low, high = (drawn[round(share * (len(drawn) - 1))] for share in (0.025, 0.975))
    return Half(found[0], *(None if at == np.inf else at for at in (low, high)))


def half_way(noticed: Sequence[float]) -> float | None:
    """Return the severity at which half of the copies are noticed, or None if there is none.

    Interpolates linearly, with no copy noticed at severity 0.
    """
    severities, shares = [0.0, *SEVERITIES], [0.0, *noticed]
    for i in range(1, len(shares)):
        if shares[i] >= 0.5:
            part = (0.5 - shares[i - 1]) / (shares[i] - shares[i - 1])
            return float(severities[i - 1] + part * (severities[i] - severities[i - 1]))
    return None


def _check(scores: Scores, damaged: np.ndarray, counts: np.ndarray) -> Check | None:
    """Compare the changes [S, kinds, severities, A] of RATED_AXIS with PMQD's ratings, if all of LISTENED were tried.

    PMQD's ratings are of intensities from 0 to 0.2 and so on. The change in the middle of such a range is taken to be
    the mean of the changes at its ends.
    """
    from .metrics import srcc

    names = [kind.name for kind in scores.kinds]
    if RATED_AXIS not in scores.axes or not LISTENED.keys() <= set(names):
        return None
    chosen = damaged[..., scores.axes.index(RATED_AXIS)][:, [names.index(name) for name in LISTENED]]
    middle = (chosen + np.concatenate([np.zeros_like(chosen[..., :1]), chosen[..., :-1]], 2)) / 2
    means = np.einsum("rs,skv->rkv", counts, middle) / len(damaged)
    falls = np.array([PMQD[name] for name in LISTENED.values()]) - PMQD_ORIGINAL
    return Check(
        RATED_AXIS,
        tuple(
            Listened(kind, like, PMQD[like], tuple(map(interval, means[:, k].T)))
            for k, (kind, like) in enumerate(LISTENED.items())
        ),
        interval(np.array([srcc(falls.ravel(), drawn.ravel()) for drawn in means])),
    )
