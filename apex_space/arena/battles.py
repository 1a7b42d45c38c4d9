"""Issues battles and takes votes on them. The server keeps both sides; a browser has only the battle's id."""

import re
import shutil
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from secrets import token_urlsafe
from typing import TYPE_CHECKING, get_args

from ..audio.waveform import Waveform, load_song
from ..core import files
from ..core.errors import (
    ArenaError,
    AudioError,
    BattleExpired,
    BattleStale,
    NotEnoughSongs,
    NotHeard,
    StoreError,
    UnknownBattle,
    VoteRefused,
)
from ..core.settings import Settings, settings
from ..core.text import message
from ..judges.manager import JudgeManager
from ..judges.report import Report
from ..preference.learned import LearnedModel
from ..storage.identity import AddressHasher, open_hasher
from ..storage.rate_limits import RateLimiter
from ..storage.records import WITHDRAWN, Battle, Side, Song, SongScores, Source, Tag, Vote, Winner
from ..storage.vote_counts import tally
from .agreement import AgreementReport, measure_agreement
from .clips import Clip, encode_clip
from .fraud import FraudDetector
from .learning import ModelService
from .pairing import draw, week_of
from .pool import PREFIX, Pool
from .predictions import PredictionWorker, song_scores
from .ratings import Rating
from .taste import Taste, measure_taste

if TYPE_CHECKING:
    from ..storage.vote_store import VoteStore

ID = re.compile(r"[\w-]{22,64}", re.ASCII)
LIFETIME = 3600.0
"""Seconds from a battle's issue during which people can listen to it and vote on it."""
SLACK = 0.25
"""Seconds by which the time of listening may be too short. Browsers report the time played in such steps."""
MAX_UPLOADED = 50
"""Maximum number of visitors' own battles whose audio is kept at once. The visitor with the most loses the oldest."""
WHY_SECONDS = 600.0
"""Seconds after a vote in which its voter can say why it was cast."""
UNDO_SECONDS, UNDO_SLACK = 10.0, 5.0
"""Seconds in which a voter is offered to take a vote back, and by which the server may hear of it later."""
MAX_OWN = 300
"""Maximum number of a visitor's own votes that are looked at together."""
SWEEP_SECONDS = 60.0
MAX_PAIRS = 1000
"""Maximum number of a visitor's last votes of the day whose pairs are not drawn again."""


@dataclass
class _Visit:
    """What this replica knows of a battle: which sides were fetched from it.

    For a battle between a visitor's own songs it also has the visitor's widest network, the clips and the songs' names.
    """

    issued: float
    fetched: set[Side] = field(default_factory=set)
    owner: str = ""
    folder: Path | None = None
    copies: dict[str, Clip] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def delete(self) -> None:
        """Delete the audio."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


class Arena:
    """Issues battles and takes votes; safe to use from many threads. `start` returns at once.

    Several replicas may share a store. A battle of the pool can be voted on at any replica that has its songs. A battle
    between a visitor's own songs can be voted on only at the replica that has their audio. `uncertainty` returns the
    width of each song's rating interval by the song's id. `clock` returns the seconds since 1970. All refusals are
    ArenaErrors, and a refused call writes nothing.
    """

    def __init__(
        self,
        store: "VoteStore",
        pool: Pool,
        predictor: PredictionWorker,
        hasher: AddressHasher,
        uncertainty: Callable[[], Mapping[str, float]] = dict,
        clock: Callable[[], float] = time.time,
        rng: Random | None = None,
    ) -> None:
        self._store, self.pool, self._predictor, self._hash = store, pool, predictor, hasher
        self._limiter, self._fraud = RateLimiter(), FraudDetector()
        self._uncertainty, self._clock, self._rng = uncertainty, clock, rng or SystemRandom()
        self._visits: dict[str, _Visit] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._sweeper = threading.Thread(target=self._run, name="arena", daemon=True)
        weakref.finalize(self, _delete_all, self._visits)

    def start(self) -> None:
        """Prepare and score the pool's songs, and delete visitors' audio in time, all in the background."""
        self.pool.start()
        self._predictor.start()
        self._sweeper.start()

    def close(self) -> None:
        """Stop what `start` began, and delete all audio. The audio goes first: the last song may take a while."""
        self._stop.set()
        _delete_all(self._visits)
        self.pool.close()
        self._predictor.close()

    def next(self, address: str) -> Battle:
        """Issue a battle between two songs of the pool. Raises NotEnoughSongs and TooFast.

        The visitor has not voted on these two songs today, unless there is no other pair left.
        """
        songs = self.pool.songs()
        if len(songs) < 2:
            raise NotEnoughSongs(self._too_few(len(songs)))
        visitor = self._hash(address)
        self._limiter.admit(visitor, "battle")
        votes, week = self._store.votes_per_song(), week_of(self._clock())
        heard = self._store.pairs_of(visitor.hash, MAX_PAIRS)
        a, b = draw(songs, votes, self._uncertainty(), self._rng, week, heard)
        return self._issue(a, b, "pool", self._predictor.scored((a.id, b.id)))

    def issue_uploaded(
        self, address: str, first: Path, second: Path, reports: Iterable[Report] = (), names: tuple[str, str] = ("", "")
    ) -> Battle:
        """Issue a battle between a visitor's two songs, on random sides.

        `reports` are the reports that judges have made on the songs already; the pocket judge scores them here. Clips
        of the audio are kept until the vote or until the battle expires. `names` are kept in memory for `named`. Raises
        AudioError, TooFast, and ArenaError if both songs are the same.
        """
        visitor = self._hash(address)
        self._limiter.admit(visitor, "uploaded")
        waveforms = decode_two(first, second)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            files.mark_own(folder)
            with ThreadPoolExecutor(2) as threads:
                taken = [*threads.map(partial(self._take, folder), (first, second), waveforms)]
            a, b = self._rng.sample([waveform.sha256 for waveform in waveforms], 2)
            known = [
                *(scored for _, scored in taken),
                *(song_scores(each) for each in reports if each.sha256 in (a, b)),
            ]
            battle = self._issue(Song(a), Song(b), "uploaded", [*known, *self._predictor.scored((a, b))])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        copies = {waveform.sha256: copy for waveform, (copy, _) in zip(waveforms, taken, strict=True)}
        called = {waveform.sha256: name for waveform, name in zip(waveforms, names, strict=True)}
        with self._lock:
            self._visits[battle.id] = _Visit(
                battle.issued, owner=visitor.widest, folder=folder, copies=copies, names=called
            )
        self.sweep()
        return battle

    def named(self, vote: Vote) -> Vote:
        """Return a vote with the names that its visitor gave to the songs. Show these names to this visitor only."""
        with self._lock:
            visit = self._visits.get(vote.battle.id)
        names = visit.names if visit else {}
        a, b = (replace(song, title=names.get(song.id, song.title)) for song in (vote.battle.a, vote.battle.b))
        return replace(vote, battle=replace(vote.battle, a=a, b=b))

    def audio(self, battle: str, side: Side) -> Path:
        """Return the mp3 to play for one side of the battle with that id.

        Raises UnknownBattle, BattleExpired, BattleStale and StoreError.
        """
        found = self._find(battle)
        if side not in get_args(Side):
            raise UnknownBattle("A battle's sides are a and b.")
        song = found.a if side == "a" else found.b
        path = self._copy(found, song.id).path
        if not path.is_file():
            raise BattleStale("The audio of this battle is deleted by now. Take the next one.")
        with self._lock:
            visit = self._visits.setdefault(battle, _Visit(found.issued))
        if side not in visit.fetched:
            self._store.add_fetch(battle, side, self._clock())
            visit.fetched.add(side)
        return path

    def vote(self, battle: str, winner: Winner, heard: Sequence[float], address: str) -> Vote:
        """Take a vote on the battle with that id. The vote is on disk when this returns.

        `heard` are the seconds of A and of B that the browser counted while they played. Five seconds of each song (or
        all of a shorter song) are required by default, and must fit into the time since the songs were fetched. A
        suspicious vote is kept with its `suspicion`, which must not be shown to the sender. Raises VoteRefused and
        TooFast.
        """
        voter = self._hash(address)
        self._limiter.admit(voter, "vote")
        if winner not in get_args(Winner):
            raise VoteRefused("A vote is one of {choices}.", choices=", ".join(get_args(Winner)))
        seconds = listening_times(heard)
        found = self._find(battle)
        now = self._clock()
        self._check_listening(found, seconds, now)
        vote = self._fraud.examine(Vote(found, winner, now, seconds, voter.hash), voter.network)
        vote = self._store.add_vote(vote)
        self._fraud.remember(vote, voter.network)
        with self._lock:
            if visit := self._visits.get(battle):
                visit.delete()
        return vote

    def explain(self, battle: str, tags: Sequence[Tag], address: str) -> None:
        """Keep why the vote on the battle with that id was cast for one of the songs. Raises VoteRefused.

        Its voter can do this once, within WHY_SECONDS. A suspicious vote is treated like any other.
        """
        vote = self._own_vote(battle, address, WHY_SECONDS)
        known = isinstance(tags, list) and all(tag in get_args(Tag) for tag in tags)
        if not known or not tags or vote.winner not in get_args(Side):
            raise VoteRefused("These are no reasons for a vote. Reload the page and take the next battle.")
        if not self._store.add_tags(vote.battle.id, {*tags}):
            raise VoteRefused("The reasons for this vote are kept already. Take the next battle.")

    def withdraw(self, battle: str, address: str) -> None:
        """Let the vote on the battle with that id no longer count, for its voter, within seconds. Raises VoteRefused.

        The battle stays closed. To withdraw a vote again, or a suspicious one, is answered alike and changes nothing.
        """
        vote = self._own_vote(battle, address, UNDO_SECONDS + UNDO_SLACK)
        if not vote.suspicion:
            self._store.set_aside([vote.battle.id], WITHDRAWN)

    def cast(self, battles: Sequence[str], address: str) -> list[Vote]:
        """Return the newest votes on the battles with these ids, which only their voters know. Raises TooFast.

        Of other ids there are none. `measure_taste` and `against_judges` say what the votes mean.
        """
        self._limiter.admit(self._hash(address), "taste")
        given = battles if isinstance(battles, list) else []
        return self._store.votes_on([id for id in given if isinstance(id, str) and ID.fullmatch(id)][-MAX_OWN:])

    def taste(self, votes: Sequence[Vote], crowd: Mapping[str, Rating], at: float) -> Taste:
        """Return what a visitor's votes say of their taste, see `measure_taste`."""
        songs = {song.id for vote in votes for song in (vote.battle.a, vote.battle.b)}
        return measure_taste(votes, self._predictor.scored(songs), self._predictor.weights, crowd, at)

    def agreement(self, vote: Vote) -> AgreementReport:
        """Return how often judges agreed with people in battles like this vote's, with this vote. Raises StoreError.

        A suspicious vote is added here alone, so that the answer to it is like the answer to any other.
        """
        counts = self._store.predicted(vote.battle.source)
        if vote.suspicion:
            counts = counts.plus(tally([replace(vote, suspicion="")]))
        return measure_agreement(counts)[vote.battle.source]

    def sweep(self) -> None:
        """Forget battles that have expired, and delete their audio. If there is too much, delete the busiest's."""
        with self._lock:
            own = [visit for visit in self._visits.values() if visit.folder is not None]
            while len(own) > MAX_UPLOADED:
                ((busiest, _),) = Counter(visit.owner for visit in own).most_common(1)
                oldest = next(visit for visit in own if visit.owner == busiest)
                oldest.delete()
                own.remove(oldest)
            for id, visit in [*self._visits.items()]:
                if self._clock() - visit.issued > LIFETIME:
                    self._visits.pop(id).delete()

    def _issue(self, a: Song, b: Song, source: Source, scored: Sequence[SongScores]) -> Battle:
        predictions = self._predictor.predictions(a.id, b.id, scored, (a.generator, b.generator))
        battle = Battle(token_urlsafe(24), a, b, source, self._clock(), predictions)
        self._store.add_battle(battle, scored)
        return battle

    def _take(self, folder: Path, song: Path, waveform: Waveform) -> tuple[Clip, SongScores]:
        """Encode a visitor's song as a clip, and score it."""
        return encode_clip(song, waveform, folder), self._predictor.score(waveform)

    def _own_vote(self, battle: str, address: str, seconds: float) -> Vote:
        """Return the vote on a battle that a visitor cast up to so many seconds ago. Raises VoteRefused."""
        found = self._store.votes_on([battle]) if isinstance(battle, str) and ID.fullmatch(battle) else []
        if not found or found[0].voter != self._hash(address).hash:
            raise VoteRefused("There is no such vote of yours. Take the next battle.")
        if self._clock() - found[0].at > seconds:
            raise VoteRefused("It is too late for that: the vote stays as it is. Take the next battle.")
        return found[0]

    def _find(self, id: str) -> Battle:
        """Return the battle with that id. Raises UnknownBattle and BattleExpired."""
        battle = self._store.battle(id) if isinstance(id, str) and ID.fullmatch(id) else None
        if battle is None:
            raise UnknownBattle("There is no such battle. Take the next one.")
        if self._clock() - battle.issued > LIFETIME:
            raise BattleExpired(
                "This battle was issued over {minutes:.0f} minutes ago. Take the next one.", minutes=LIFETIME / 60
            )
        return battle

    def _copy(self, battle: Battle, song: str) -> Clip:
        """Return the clip of a song of the battle. Raises BattleStale."""
        if battle.source == "pool":
            return self.pool.copy(song)
        visit = self._visits.get(battle.id)
        if visit is None or song not in visit.copies:
            raise BattleStale("The audio of this battle is deleted by now. Choose the two songs again.")
        return visit.copies[song]

    def _check_listening(self, battle: Battle, heard: tuple[float, float], now: float) -> None:
        """Raise NotHeard if the visitor cannot have listened to both songs for long enough. Raises BattleStale.

        One song plays at a time, so the times that are required of both add up.
        """
        required = check_heard(heard, [self._copy(battle, song.id).duration for song in (battle.a, battle.b)])
        gone = [now - since for since in self._since(battle, now)]
        left = max(sum(required) - max(gone), *(least - past for least, past in zip(required, gone, strict=True)))
        if left > SLACK:
            raise NotHeard("Listen to both songs first. That takes {left:.1f} s more.", left=left)

    def _since(self, battle: Battle, now: float) -> list[float]:
        """Return the earliest times at which A and B can have begun to play: when they were fetched, from any replica.

        A song that was not fetched cannot have begun before `now`.
        """
        fetched = self._store.fetches(battle.id)
        return [fetched.get(side, now) for side in get_args(Side)]

    def model(self, judge: str, revision: str, axes: Sequence[str]) -> LearnedModel | None:
        """Return what predicts for scores by these weights of a judge, other than a preference head alone."""
        return self._predictor.model(judge, revision, axes)

    def _too_few(self, ready: int) -> str:
        progress = self.pool.progress()
        if progress.trouble:
            return message("The arena has no songs yet. {trouble}", trouble=progress.trouble)
        if progress.complete:
            return message(
                "A battle needs two songs, and the arena's pool holds {ready} that can be heard. Add songs to it.",
                ready=ready,
            )
        return "The arena's songs are being prepared. Try again in a few seconds."

    def _run(self) -> None:
        while True:
            # Delete what killed processes left. A pool in use is touched every minute, and no battle lasts longer.
            self.pool.touch()
            self.sweep()
            files.delete_abandoned(PREFIX, LIFETIME)
            with suppress(StoreError):  # it is logged, and the store may work again later
                self._store.forget_fetches(self._clock() - LIFETIME)
            if self._stop.wait(SWEEP_SECONDS):
                return


def open_arena(
    config: Settings, manager: JudgeManager, store: "VoteStore", uncertainty: Callable[[], Mapping[str, float]] = dict
) -> Arena:
    """Open the arena that the settings ask for. Raises PoolError and StoreError."""
    pool = Pool(config.pool)
    predictor = PredictionWorker(manager, pool, store, ModelService(store, config.vote_half_life))
    return Arena(store, pool, predictor, open_hasher(config), uncertainty)


def decode_two(first: Path, second: Path) -> tuple[Waveform, Waveform]:
    """Decode a visitor's two songs. Raises AudioError, and ArenaError if both are the same."""
    waveforms = _decode(first, "first"), _decode(second, "second")
    if waveforms[0].sha256 == waveforms[1].sha256:
        raise ArenaError("These two are the same song. Choose another one for one of them.")
    return waveforms


def _decode(path: Path, name: str) -> Waveform:
    try:
        return load_song(path)
    except AudioError as error:
        raise type(error)("The {name} song: {reason}", name=name, reason=error) from error


def check_heard(heard: tuple[float, float], durations: Sequence[float]) -> list[float]:
    """Return how many seconds of A and of B are required. Raises NotHeard if the browser counted fewer of one."""
    required = [min(settings().listening_seconds, duration) for duration in durations]
    for name, seconds, least in zip("AB", heard, required, strict=True):
        if seconds < least - SLACK:
            raise NotHeard(
                "Listen to {least:.2g} s of each song first. Song {name} has played {seconds:.1f} s.",
                least=least,
                name=name,
                seconds=seconds,
            )
    return required


def listening_times(heard: Sequence[float]) -> tuple[float, float]:
    """Return the times of listening that a browser reports. Raises VoteRefused unless they are two possible times."""
    try:
        a, b = heard
        possible = all(type(seconds) in (int, float) and 0 <= seconds <= LIFETIME for seconds in (a, b))
    except (TypeError, ValueError):
        possible = False
    if not possible:
        raise VoteRefused("The listening times are not valid. Reload the page and take the next battle.")
    return float(a), float(b)


def _delete_all(visits: dict[str, _Visit]) -> None:
    for visit in [*visits.values()]:
        visit.delete()
