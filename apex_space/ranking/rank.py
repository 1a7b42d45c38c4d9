"""Ranks many songs by one judge: the best first, how sure the order is, and which songs to keep."""

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from ..core.axes import KEYS
from ..core.errors import AudioError, BatchError, Busy
from ..core.text import join, message
from ..judges.judge import Judge, ScoringProgress, SongInput
from ..judges.loading import load_judge
from ..judges.manager import BEST, LoadProgress
from ..judges.panel import Load
from ..judges.queueing import LOOK_SECONDS
from ..judges.report import Report
from ..judges.score import loaded
from ..preference import head_files
from ..preference.comparison import Models, no_models
from ..preference.head import revision_of
from .archive import MAX_BYTES, MAX_FILES
from .batch import Batch, gather, read_groups
from .order import PREFERENCE, Outcome, Ranking, Rules, order
from .songs import BatchSong

KEEP = 5
RECENT = 5
"""Number of latest songs whose time is used to estimate the time for the rest. The first songs of a batch may have been
fast because they were cached."""


@dataclass(frozen=True)
class RankRequest:
    """Files, folders and zips of songs, the judge by name (or BEST) that ranks them, and a csv of their groups.

    `by` is PREFERENCE or the key of an axis. `keep` is how many songs are kept. More than `max_songs` are refused, and
    so are more than `max_bytes` that are unpacked from zips.
    """

    sources: tuple[Path, ...]
    judge: str = BEST
    by: str = PREFERENCE
    keep: int = KEEP
    groups: Path | None = None
    max_songs: int = MAX_FILES
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True)
class RankingProgress:
    """How far a ranking is: the first `done` of `total` songs have a result.

    Either `current` is how far the judge is with the next song, or `outcome` is the result for the song just done.
    `left` is how many seconds remain until all songs are done, or None if that cannot be estimated yet. `outcomes` may
    have grown since.
    """

    outcomes: Sequence[Outcome]
    rules: Rules
    done: int
    total: int
    left: float | None = None
    current: ScoringProgress | None = None
    outcome: Outcome | None = None

    @cached_property
    def ranking(self) -> Ranking:
        """The ranking of the songs that are done. It takes time, of many songs seconds, and is computed on request."""
        return order(self.outcomes[: self.done], self.rules)


def rank_files(
    request: RankRequest,
    scratch: Path,
    load: Load,
    decode: Callable[[Path], SongInput] = Path,
    models: Models = no_models,
) -> Iterator[Batch | LoadProgress | RankingProgress]:
    """Rank the songs in files, folders and zips. Yield the batch, then progress; the last item has the whole ranking.

    Zips are unpacked into the existing folder `scratch`; a song of them that cannot be scored is deleted. `decode` and
    the errors are as in `rank`; also raises TooManySongs.
    """
    groups = read_groups(request.groups) if request.groups else []
    batch = gather(request.sources, scratch, groups, request.max_songs, request.max_bytes)
    yield batch
    for step in load(request.judge):
        if isinstance(step, LoadProgress):
            yield step
        else:
            get = partial(loaded, load)
            for made in rank(batch.songs, step, request.by, request.keep, get, decode, models):
                if made.outcome and made.outcome.error and scratch in made.outcome.song.path.parents:
                    made.outcome.song.path.unlink(missing_ok=True)
                yield made


def rank(
    songs: Sequence[BatchSong],
    judge: Judge,
    by: str = PREFERENCE,
    keep: int = KEEP,
    get: Callable[[str], Judge] = load_judge,
    decode: Callable[[Path], SongInput] = Path,
    models: Models = no_models,
) -> Iterator[RankingProgress]:
    """Rank songs by people's preference, or `by` an axis. Yield progress; the last item has the ranking of all songs.

    The judge's model predicts the preference if `models` has one, else a preference head. If `judge` has neither, `get`
    returns the judge whose head is used. `decode` turns a song's path into what judges are given: the path itself, or
    the waveform. With waveforms, a cache on disk recognizes the songs in a later process. One song is in memory at a
    time. Between songs, other callers get their turn. A song that cannot be scored becomes a row with the reason.
    Raises BatchError, PreferenceError, the errors of `get`, and Busy before the first song.
    """
    rules, through = _rules(judge, by, keep, get, models)
    outcomes: list[Outcome] = []
    took: deque[float] = deque(maxlen=RECENT)
    for song in songs:
        started, left = time.perf_counter(), _left(took, len(songs) - len(outcomes))
        for made in _score_song(song, judge, through, decode, patient=bool(outcomes)):
            if isinstance(made, ScoringProgress):
                yield RankingProgress(outcomes, rules, len(outcomes), len(songs), left, current=made)
            else:
                outcomes.append(made)
        if outcomes[-1].report is not None:
            took.append(time.perf_counter() - started)
        left = _left(took, len(songs) - len(outcomes))
        yield RankingProgress(outcomes, rules, len(outcomes), len(songs), left, outcome=outcomes[-1])


def _rules(judge: Judge, by: str, keep: int, get: Callable[[str], Judge], models: Models) -> tuple[Rules, Judge | None]:
    """Return the rules, and the judge whose scores predict the preference (None if songs are ranked by an axis)."""
    if keep < 1:
        raise BatchError("Keep one song or more.")
    if by == PREFERENCE:
        head, revision = head_files.load(judge.name), revision_of(judge)
        if model := models(judge.name, revision, judge.head.axes):
            own = head if head.judge == judge.name else None
            outdated = own is not None and not model.votes and own.revision != revision
            return Rules(judge.name, by, keep, own, outdated, model), judge
        through = judge if head.judge == judge.name else get(head.judge)
        return Rules(judge.name, by, keep, head, revision_of(through) != head.revision), through
    if by not in judge.head.axes:
        known = join((PREFERENCE, *(key for key in KEYS if key in judge.head.axes)))
        what = (
            message("{judge} does not predict {by}", judge=judge.name, by=by)
            if by in KEYS
            else message("There is no score {by!r}", by=by)
        )
        raise BatchError("{what}. {judge} ranks by: {known}.", what=what, judge=judge.name, known=known)
    return Rules(judge.name, by, keep), None


def _score_song(
    song: BatchSong, judge: Judge, through: Judge | None, decode: Callable[[Path], SongInput], patient: bool
) -> Iterator[ScoringProgress | Outcome]:
    """Score a song. Yield progress, and at last the outcome. Raises Busy, unless `patient` is true."""
    if song.error:
        yield Outcome(song, error=song.error)
        return
    try:
        sound = decode(song.path)
        report = weighed = yield from _score(judge, sound, song.name, patient)
        if through is not None and through is not judge:
            weighed = yield from _score(through, sound, song.name, True)
        yield Outcome(song, report, weighed)
    except AudioError as error:
        yield Outcome(song, error=str(error))


def _score(judge: Judge, sound: SongInput, name: str, patient: bool) -> Generator[ScoringProgress, None, Report]:
    while True:
        try:
            for progress in judge.score(sound, name):
                yield progress
            assert progress.report is not None
            return progress.report
        except Busy:
            if not patient:  # no work is lost yet, and the message says when to try again
                raise
        songs = len(judge.queue)
        yield ScoringProgress(judge.name, 0.0, 0.0, judge.queue.seconds(songs), None, songs)
        time.sleep(LOOK_SECONDS)


def _left(took: Collection[float], songs: int) -> float | None:
    return songs * sum(took) / len(took) if took else None
