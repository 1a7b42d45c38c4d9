"""Keeps ratings and agreement up to date: fits them again in the background when votes have come in."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..storage.identity import DAY
from ..storage.records import Source, Tag
from ..storage.vote_counts import VoteCounts
from .agreement import AgreementReport, measure_agreement
from .lead import NO_LEAD, Lead, Meeting, find_lead, meetings
from .learning import REST
from .learning_curve import MAX_CURVE_VOTES, LearningCurve, learning_curves, picks_before
from .not_counted import NEWEST, Jump, NotCounted, count_reasons, find_jump
from .ratings import Rating, rate

if TYPE_CHECKING:
    from ..storage.records import Vote
    from ..storage.vote_store import VoteStore

MAX_VOTES = 10_000
"""Maximum number of votes that are given to everybody, about 5 MB."""
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
    may lack the last 2% of the votes, and follow some time after the rest. `not_counted` is for the operator.
    `not_counted_before` is for everybody: it ends with the day before, so that nobody can find out whether their own
    vote counts. `jump` warns the operator.
    """

    version: int = 0
    at: float = 0.0
    songs: tuple[Rating, ...] = ()
    generators: tuple[Rating, ...] = ()
    song_lead: Lead = NO_LEAD
    generator_lead: Lead = NO_LEAD
    meetings: tuple[Meeting, ...] = ()
    agreement: Mapping[Source, AgreementReport] = field(default_factory=lambda: measure_agreement(VoteCounts()))
    tags: tuple[WinTags, ...] = ()
    curves: tuple[LearningCurve, ...] = ()
    drawn: int | None = None
    not_counted: NotCounted = field(default_factory=NotCounted)
    not_counted_before: NotCounted = field(default_factory=NotCounted)
    jump: Jump | None = None

    @property
    def state(self) -> tuple[int, int | None]:
        """Return what changes with anything that is shown."""
        return self.version, self.drawn

    @property
    def votes(self) -> int:
        """Return the number of votes that are not suspicious."""
        return sum(panel.votes for panel in self.agreement.values())

    @cached_property
    def uncertainty(self) -> dict[str, float]:
        """Return the width of each rated song's interval (0 to 1), by song id."""
        return {song.key: song.high - song.low for song in self.songs}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "at": self.at,
            "votes": self.votes,
            "songs": [song.as_dict() for song in self.songs],
            "generators": [generator.as_dict() for generator in self.generators],
            "lead": {"songs": self.song_lead.as_dict(), "generators": self.generator_lead.as_dict()},
            "between_generators": [meeting.as_dict() for meeting in self.meetings],
            "agreement": {source: panel.as_dict() for source, panel in self.agreement.items()},
            "tags": [asdict(each) for each in self.tags],
            "curves": [asdict(curve) for curve in self.curves],
        }


class LeaderboardService:
    """Keeps the leaderboard of a vote store up to date. `start` returns at once; `latest` never waits."""

    def __init__(self, store: "VoteStore", every_s: float = 5.0) -> None:
        self._store, self._every_s = store, every_s
        self._latest = LeaderboardSnapshot()
        self._fitting = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Check for new votes now, and then every `every_s` seconds, or less often if a fit takes long."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._watch, name="leaderboard", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop checking for new votes. Returns when the thread has ended."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None

    def latest(self) -> LeaderboardSnapshot:
        """Return the last fit, or an empty snapshot before the first fit."""
        return self._latest

    def votes(self, before: float) -> "list[Vote]":
        """Return the newest MAX_VOTES votes before a time on songs of the pool that count. Raises StoreError."""
        return self._store.latest(MAX_VOTES, before)

    def refit(self) -> LeaderboardSnapshot:
        """Fit all votes of the store now, and draw the curves if it is time. Raises StoreError."""
        self._fit()
        self._draw()
        return self._latest

    def _fit(self) -> None:
        """Publish what the votes say, with the curves that there are."""
        with self._fitting:
            counts, now = self._store.counts(), time.time()
            songs, generators = rate(counts), rate(counts, "generator")
            tags = [WinTags(name, *counts) for name, counts in self._store.tags_of_wins().items()]
            self._latest = LeaderboardSnapshot(
                version=counts.version,
                at=now,
                songs=songs,
                generators=generators,
                song_lead=find_lead(counts, "song", songs),
                generator_lead=find_lead(counts, "generator", generators),
                meetings=meetings(counts),
                agreement=measure_agreement(counts),
                tags=tuple(sorted(tags, key=lambda each: (-each.votes, each.generator))),
                curves=self._latest.curves,
                drawn=self._latest.drawn,
                not_counted=count_reasons(counts.reasons),
                not_counted_before=count_reasons(counts.reasons, now // DAY),
                jump=find_jump(self._store.newest_reasons(NEWEST), counts.reasons),
            )

    def _draw(self) -> None:
        """Publish new learning curves when there are 2% more votes. With many generators they take long."""
        with self._fitting:
            now = self._latest
            if now.drawn is None or now.version - now.drawn > now.drawn // 50:
                counts = self._store.counts()
                votes = self._store.latest(MAX_CURVE_VOTES, EVER)
                curves = learning_curves(votes, picks_before(votes, counts))
                self._latest = replace(now, curves=curves, drawn=now.version)

    def _watch(self) -> None:
        spent, rested = 0.0, 0.0
        while not self._stopped.wait(max(0.0, REST * spent)):
            started = time.monotonic()
            try:
                if not self._latest.at or self._store.version() != self._latest.version:
                    warned = self._latest.jump
                    self._fit()
                    if self._latest.jump and not warned:
                        logger.warning("votes that do not count: %s", self._latest.jump)
                spent = max(time.monotonic() - started, self._every_s / REST)
                if (started := time.monotonic()) >= rested:  # the standing need not wait as long as the curves
                    self._draw()
                    rested = time.monotonic() + REST * (time.monotonic() - started)
            except Exception:  # the store may work again later; the thread must not end
                logger.exception("the leaderboard could not be fitted; trying again")
                spent = max(time.monotonic() - started, self._every_s / REST)
