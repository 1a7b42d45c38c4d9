"""Many songs by one judge: the best first, how sure the order is, and which to keep."""

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.axes import KEYS
from ..core.errors import AudioError, BatchError, Busy
from ..judges.judge import Judge, ScoringProgress, SongInput
from ..judges.loading import load_judge
from ..judges.manager import BEST, LoadProgress
from ..judges.queueing import LOOK_SECONDS
from ..judges.report import Report
from ..judges.score import Load, loaded
from ..preference import head_files
from ..preference.head import revision_of
from .archive import MAX_FILES
from .batch import Batch, gather, read_groups
from .order import PREFERENCE, Outcome, Ranking, Rules, order
from .songs import BatchSong

KEEP = 5
RECENT = 5
"""Songs whose time tells how long the others will take: the first ones may have been heard before."""


@dataclass(frozen=True)
class RankRequest:
    """Files, folders and zips of songs, the judge by name (or BEST) that ranks them, and a csv of their groups.

    `by` is PREFERENCE or the key of an axis. `keep` songs are kept, and no more than `max_songs` are taken.
    """

    sources: tuple[Path, ...]
    judge: str = BEST
    by: str = PREFERENCE
    keep: int = KEEP
    groups: Path | None = None
    max_songs: int = MAX_FILES


@dataclass(frozen=True)
class RankingProgress:
    """The `ranking` of the first `done` of `total` songs.

    Either `current` tells how far the judge is with the next one, or `outcome` what became of the one just done.
    `left`: seconds until all are done; None where nothing tells yet.
    """

    ranking: Ranking
    done: int
    total: int
    left: float | None = None
    current: ScoringProgress | None = None
    outcome: Outcome | None = None


def rank_files(
    request: RankRequest, scratch: Path, load: Load, decode: Callable[[Path], SongInput] = Path
) -> Iterator[Batch | LoadProgress | RankingProgress]:
    """Rank the songs in files, folders and zips. Yield the batch, then progress; the last item has the whole ranking.

    Zips are unpacked into the existing folder `scratch`. `decode` and errors as in `rank`; also raises TooManySongs.
    """
    groups = read_groups(request.groups) if request.groups else {}
    batch = gather(request.sources, scratch, groups, request.max_songs)
    yield batch
    for step in load(request.judge):
        if isinstance(step, LoadProgress):
            yield step
        else:
            yield from rank(batch.songs, step, request.by, request.keep, lambda name: loaded(load, name), decode)


def rank(
    songs: Sequence[BatchSong],
    judge: Judge,
    by: str = PREFERENCE,
    keep: int = KEEP,
    get: Callable[[str], Judge] = load_judge,
    decode: Callable[[Path], SongInput] = Path,
) -> Iterator[RankingProgress]:
    """Rank songs by people's preference or `by` an axis; a new ranking after each song, the last one of all.

    `get` gives the judge whose preference head answers where `judge` has none. `decode` makes of a song's path what
    judges are given: the path itself, or the waveform, by which a memory on disk knows the song in a later process.
    One song is in memory at a time. Between songs others get their turn. A song that cannot be heard is a row with its
    reason. Raises BatchError, PreferenceError, what `get` does, and Busy before the first song.
    """
    rules, through = _rules(judge, by, keep, get)
    outcomes: list[Outcome] = []
    took: deque[float] = deque(maxlen=RECENT)
    ranking = order(outcomes, rules)
    for song in songs:
        started, left = time.perf_counter(), _left(took, len(songs) - len(outcomes))
        for made in _hear(song, judge, through, decode, patient=bool(outcomes)):
            if isinstance(made, ScoringProgress):
                yield RankingProgress(ranking, len(outcomes), len(songs), left, current=made)
            else:
                outcomes.append(made)
        if outcomes[-1].report is not None:
            took.append(time.perf_counter() - started)
        ranking = order(outcomes, rules)
        left = _left(took, len(songs) - len(outcomes))
        yield RankingProgress(ranking, len(outcomes), len(songs), left, outcome=outcomes[-1])


def _rules(judge: Judge, by: str, keep: int, get: Callable[[str], Judge]) -> tuple[Rules, Judge | None]:
    """Also the judge whose scores the preference head weighs."""
    if keep < 1:
        raise BatchError("Keep one song or more.")
    if by == PREFERENCE:
        head = head_files.load(judge.name)
        through = judge if head.judge == judge.name else get(head.judge)
        return Rules(judge.name, by, keep, head, revision_of(through) != head.revision), through
    if by not in judge.head.axes:
        known = ", ".join((PREFERENCE, *(key for key in KEYS if key in judge.head.axes)))
        what = f"{judge.name} does not predict {by}" if by in KEYS else f"There is no score {by!r}"
        raise BatchError(f"{what}. {judge.name} ranks by: {known}.")
    return Rules(judge.name, by, keep), None


def _hear(
    song: BatchSong, judge: Judge, through: Judge | None, decode: Callable[[Path], SongInput], patient: bool
) -> Iterator[ScoringProgress | Outcome]:
    """How far it is, and at last the outcome. Raises Busy, unless it is to be `patient`."""
    if song.error:
        yield Outcome(song, error=song.error)
        return
    try:
        sound = decode(song.path)
        report = weighed = yield from _listen(judge, sound, song.name, patient)
        if through is not None and through is not judge:
            weighed = yield from _listen(through, sound, song.name, True)
        yield Outcome(song, report, weighed)
    except AudioError as error:
        yield Outcome(song, error=str(error))


def _listen(judge: Judge, sound: SongInput, name: str, patient: bool) -> Generator[ScoringProgress, None, Report]:
    while True:
        try:
            for progress in judge.listen(sound, name):
                yield progress
            assert progress.report is not None
            return progress.report
        except Busy:
            if not patient:  # nothing is lost yet: it says when to come back
                raise
        songs = len(judge.queue)
        yield ScoringProgress(judge.name, 0.0, 0.0, judge.queue.seconds(songs), None, songs)
        time.sleep(LOOK_SECONDS)


def _left(took: Collection[float], songs: int) -> float | None:
    return songs * sum(took) / len(took) if took else None
