"""Keeps ratings and agreement up to date: fits them again in the background when votes have come in."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from ..storage.identity import DAY
from ..storage.records import Source, Tag
from ..storage.vote_counts import VoteCounts
from .agreement import AgreementReport, measure_agreement
from .board_cache import BoardCache
from .kinds import Kind, find_kinds, kind_named, votes_within
from .lead import NO_LEAD, Lead, Meeting, find_lead, meetings
from .learning import REST
from .learning_curve import MAX_CURVE_VOTES, LearningCurve, learning_curves, picks_before
from .listeners import MAX_BALLOTS, excess_by
from .not_counted import NEWEST, Jump, NotCounted, count_reasons, find_jump
from .ratings import MODEL, NOBODY, By, Excess, Rating, RatingModel, Ties, rate, side_effect
from .sensitivity import Otherwise, rate_otherwise
from .watcher import Watcher

if TYPE_CHECKING:
    from ..storage.records import Vote
    from ..storage.vote_store import VoteStore

MAX_VOTES = 10_000
"""Maximum number of votes that are given to everybody, about 5 MB."""
ALL_SONGS = "all songs"
"""Name of the board of all songs in files. It has no colon, so no kind's board is called so."""
EVER = 1e15
"""A time after all votes."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WinTags:
    """Why voters preferred a generator's songs: how many of the `votes` with tags have each tag."""

    generator: str
    votes: int
    tags: Mapping[Tag, int]


@dataclass(frozen=True)
class LeaderboardSnapshot:
    """Ratings of songs and generators and agreement of judges at one time.

    `at` is in seconds since 1970; it is 0 before the first fit. `version` is the number of votes that the store had
    then, including suspicious ones, and of the times that votes were set aside or restored: it grows with each and is
    the same in every process. `votes` excludes suspicious votes. `agreement` keeps the pool's songs and visitors'
    uploads apart. `tags` have the generator with the most votes first. `curves` were drawn at the version `drawn`: they
    may lack the last 2% of the votes, and follow some time after the rest. `listeners` are those by whom intervals are,
    where there are enough. `not_counted` is for the operator.
    `not_counted_before` is for everybody: it ends with the day before, so that nobody can find out whether their own
    vote counts. `jump` warns the operator. `kinds` have boards of their own. In such a board `kind` is set, and only
    the ratings are.
    """

    version: int = 0
    at: float = 0.0
    songs: tuple[Rating, ...] = ()
    generators: tuple[Rating, ...] = ()
    song_lead: Lead = NO_LEAD
    generator_lead: Lead = NO_LEAD
    meetings: tuple[Meeting, ...] = ()
    ties: Ties = "half"
    otherwise: Mapping[By, Otherwise] = field(default_factory=lambda: {"song": {}, "generator": {}})
    listeners: Mapping[By, int] = field(default_factory=dict)
    agreement: Mapping[Source, AgreementReport] = field(default_factory=lambda: measure_agreement(VoteCounts()))
    tags: tuple[WinTags, ...] = ()
    curves: tuple[LearningCurve, ...] = ()
    drawn: int | None = None
    not_counted: NotCounted = field(default_factory=NotCounted)
    not_counted_before: NotCounted = field(default_factory=NotCounted)
    jump: Jump | None = None
    kinds: tuple[Kind, ...] = ()
    kind: Kind | None = None

    @property
    def board(self) -> str:
        """Return the name of the board."""
        return self.kind.name if self.kind else ALL_SONGS

    @property
    def state(self) -> tuple[int, int | None]:
        """Return what changes with anything that is shown."""
        return self.version, self.drawn

    @property
    def votes(self) -> int:
        """Return the number of votes that are not suspicious; in the board of a kind, of those between its songs."""
        return self.kind.votes if self.kind else sum(panel.votes for panel in self.agreement.values())

    @cached_property
    def uncertainty(self) -> dict[str, float]:
        """Return the width of each rated song's interval (0 to 1), by song id."""
        return {song.key: song.high - song.low for song in self.songs}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON. The board of a kind lacks what is only known of all votes."""
        return self._ratings() | ({} if self.kind else self._of_all_votes())

    def _ratings(self) -> dict[str, Any]:
        return {
            "board": self.board,
            "boards": [kind.as_dict() for kind in self.kinds],
            "at": self.at,
            "votes": self.votes,
            "songs": [song.as_dict() for song in self.songs],
            "generators": [generator.as_dict() for generator in self.generators],
            "lead": {"songs": self.song_lead.as_dict(), "generators": self.generator_lead.as_dict()},
            "between_generators": [meeting.as_dict() for meeting in self.meetings],
            "ties": self.ties,
            "otherwise": {
                by: {way: [_briefly(row) for row in rows] for way, rows in ways.items()}
                for by, ways in self.otherwise.items()
            },
            "listeners": {"songs": self.listeners.get("song"), "generators": self.listeners.get("generator")},
        }

    def _of_all_votes(self) -> dict[str, Any]:
        return {
            "agreement": {source: panel.as_dict() for source, panel in self.agreement.items()},
            "tags": [asdict(each) for each in self.tags],
            "curves": [asdict(curve) for curve in self.curves],
        }


def _briefly(row: Rating) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("key", "rating", "best", "worst")}


class LeaderboardService:
    """Keeps the leaderboard of a vote store up to date. `start` returns at once; `latest` never waits."""

    def __init__(self, store: "VoteStore", every_s: float = 5.0, model: RatingModel = MODEL) -> None:
        self._store, self._every_s, self._model = store, every_s, model
        self._latest = LeaderboardSnapshot()
        self._boards: BoardCache[LeaderboardSnapshot] = BoardCache()
        self._excess: Excess = NOBODY
        self._fitting = threading.Lock()
        self._watcher = Watcher("leaderboard", self._watch)

    def start(self) -> None:
        """Check for new votes now, and then every `every_s` seconds, or less often if a fit takes long."""
        self._watcher.start()

    def stop(self) -> None:
        """Stop checking for new votes. Returns when the thread has ended."""
        self._watcher.stop()

    def latest(self) -> LeaderboardSnapshot:
        """Return the last fit, or an empty snapshot before the first fit."""
        return self._latest

    def board(self, name: str) -> LeaderboardSnapshot | None:
        """Return the board of the kind of that name, or that of all songs if `name` is empty.

        It may be a little older than the votes. It is None if it was not computed yet and must wait for some
        seconds. Raises UnknownBoard and StoreError.
        """
        now = self._latest
        if name in ("", ALL_SONGS):
            return now
        kind_named(name, now.kinds)
        return self._boards.get(name, now.version, lambda: self._measure(name))

    def _measure(self, name: str) -> LeaderboardSnapshot:
        """Rate the songs of a kind and their generators by the votes between these songs alone."""
        at, counts, ballots = time.time(), self._store.counts(), self._store.ballots(MAX_BALLOTS)
        kinds = find_kinds(counts)
        kind = kind_named(name, kinds)
        within = votes_within(counts, kind)
        rated = self._rate(within, excess_by(ballots, within, self._model))
        return replace(rated, version=counts.version, at=at, kinds=kinds, kind=kind)

    def votes(self, before: float) -> "list[Vote]":
        """Return the newest MAX_VOTES votes before a time on songs of the pool that count. Raises StoreError."""
        return self._store.latest(MAX_VOTES, before)

    def refit(self) -> LeaderboardSnapshot:
        """Fit all votes of the store now, and draw the curves if it is time. Raises StoreError."""
        self._fit()
        self._draw()
        return self._latest

    def _fit(self) -> None:
        """Publish what the votes say, with the curves and what is known of listeners so far."""
        with self._fitting:
            at = time.time()
            self._publish(at, self._store.counts(), self._latest.curves, self._latest.drawn)

    def _draw(self) -> None:
        """Publish new curves and intervals by listeners when there are 2% more votes. They may take long."""
        with self._fitting:
            now = self._latest
            if now.drawn is None or now.version - now.drawn > now.drawn // 50:
                at, counts = time.time(), self._store.counts()
                votes, ballots = self._store.latest(MAX_CURVE_VOTES, EVER), self._store.ballots(MAX_BALLOTS)
                curves = learning_curves(votes, picks_before(votes, counts))
                self._excess = excess_by(ballots, counts, self._model)
                self._publish(at, counts, curves, counts.version)

    def _publish(self, at: float, counts: VoteCounts, curves: tuple[LearningCurve, ...], drawn: int | None) -> None:
        """Publish what the counts say that were read after the time `at`."""
        tags = [WinTags(name, *given) for name, given in self._store.tags_of_wins().items()]
        self._latest = replace(
            self._rate(counts, self._excess),
            version=counts.version,
            at=at,
            agreement=measure_agreement(counts, side_effect(counts, self._model, self._excess)),
            tags=tuple(sorted(tags, key=lambda each: (-each.votes, each.generator))),
            curves=curves,
            drawn=drawn,
            not_counted=count_reasons(counts.reasons),
            not_counted_before=count_reasons(counts.reasons, at // DAY),
            jump=find_jump(self._store.newest_reasons(NEWEST), counts.reasons),
            kinds=find_kinds(counts),
        )

    def _rate(self, counts: VoteCounts, excess: Excess) -> LeaderboardSnapshot:
        """Return the ratings by these counts, without anything else."""
        model = self._model
        songs, generators = rate(counts, "song", model, excess), rate(counts, "generator", model, excess)
        return LeaderboardSnapshot(
            songs=songs,
            generators=generators,
            song_lead=find_lead(counts, "song", songs, model, excess),
            generator_lead=find_lead(counts, "generator", generators, model, excess),
            meetings=meetings(counts),
            ties=model.ties,
            otherwise={by: rate_otherwise(counts, by, model, excess) for by in get_args(By)},
            listeners={by: each.listeners for by, each in excess.items()},
        )

    def _watch(self, stopped: threading.Event) -> None:
        spent, rested = 0.0, 0.0
        while not stopped.wait(max(0.0, REST * spent)):
            started, warned = time.monotonic(), self._latest.jump
            try:
                if not self._latest.at or self._store.version() != self._latest.version:
                    self._fit()
                spent = max(time.monotonic() - started, self._every_s / REST)
                if (started := time.monotonic()) >= rested:  # the standing need not wait as long as the curves
                    self._draw()
                    rested = time.monotonic() + REST * (time.monotonic() - started)
                if self._latest.jump and not warned:
                    logger.warning("votes that do not count: %s", self._latest.jump)
            except Exception:  # the store may work again later; the thread must not end
                logger.exception("the leaderboard could not be fitted; trying again")
                spent = max(time.monotonic() - started, self._every_s / REST)
