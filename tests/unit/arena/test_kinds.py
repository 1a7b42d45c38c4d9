"""Boards of kinds of songs: which there are, what they count, and what they cost."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from apex_space.arena.board_cache import BURST, MAX_BOARDS, BoardCache
from apex_space.arena.kinds import MAX_COLUMNS, MAX_VALUES, Columns, Kind, find_kinds, read_kinds
from apex_space.arena.leaderboard import ALL_SONGS, LeaderboardService
from apex_space.arena.learning import REST
from apex_space.core.errors import UnknownBoard
from apex_space.storage.records import MAX_KIND_LENGTH, MAX_KINDS, Song, Vote
from apex_space.storage.vote_counts import VoteCounts, tally
from apex_space.storage.vote_store import VoteStore
from helpers.votes import rate, song, stored, vote


def of(number: int, **kinds: str) -> Song:
    return replace(song(number), kinds=kinds)


ROCK = [of(number, genre="rock", vocals="yes" if number else "no") for number in range(4)]
JAZZ = [of(number, genre="jazz", vocals="yes") for number in range(4, 6)]
PLAIN = song(6)


def between(a: Song, b: Song, *winners: str, voter: str = "") -> list[Vote]:
    return [vote(a, b, winner, voter=voter) for winner in winners]  # type: ignore[arg-type]


WITHIN = [
    *between(ROCK[0], ROCK[1], *"aaaab", "tie"),
    *between(ROCK[2], ROCK[1], *"bbba", "both_bad"),
    *between(ROCK[3], ROCK[0], *"bbab"),
]
ACROSS = [
    *between(ROCK[0], JAZZ[0], *"bbbb"),
    *between(PLAIN, ROCK[1], *"aa"),
    *between(JAZZ[0], JAZZ[1], "a"),
    replace(between(ROCK[0], ROCK[1], "b")[0], suspicion="too fast"),
]


@pytest.fixture
def leaderboard(store: VoteStore) -> LeaderboardService:
    store.add_all([(each, ()) for each in stored([*ACROSS, *WITHIN])])
    return LeaderboardService(store)


def test_kinds_are_the_values_between_whose_songs_there_are_votes() -> None:
    found = find_kinds(tally([*ACROSS, *WITHIN]))
    assert found == (
        Kind("genre", "rock", len(WITHIN)),
        Kind("genre", "jazz", 1),
        Kind("vocals", "yes", 5 + 1),
    )
    assert find_kinds(tally(between(of(0, genre="rock"), of(1, genre="rock"), "a"))) == (), "one value tells nothing"
    assert find_kinds(VoteCounts()) == ()


def test_of_many_values_and_of_many_columns_those_with_the_most_votes_have_boards() -> None:
    many = [(of(2 * n, mood=str(n)), of(2 * n + 1, mood=str(n))) for n in range(MAX_VALUES + 3)]
    votes = [each for number, pair in enumerate(many) for each in between(*pair, *"a" * (number + 1))]
    found = find_kinds(tally(votes))
    assert [kind.votes for kind in found] == [*range(MAX_VALUES + 3, 3, -1)]
    wide = [of(100 + n, **{f"column {name}": str(n % 2) for name in range(MAX_KINDS + 1)}) for n in range(3)]
    votes += [*between(wide[0], wide[2], "a"), *between(wide[0], wide[1], "a")]
    assert find_kinds(tally(votes))[-MAX_VALUES:] == found
    assert len({kind.column for kind in find_kinds(tally(votes))}) == MAX_KINDS


def test_a_board_counts_the_votes_within_its_kind_alone(leaderboard: LeaderboardService) -> None:
    everything = leaderboard.refit()
    assert everything.songs == rate([*ACROSS, *WITHIN])
    board = leaderboard.board("genre: rock")
    assert board is not None
    assert board.songs == rate(WITHIN)
    assert board.generators == rate(WITHIN, "generator")
    assert (board.votes, board.kind, board.kinds) == (len(WITHIN), everything.kinds[0], everything.kinds)
    assert sum(met.votes for met in board.meetings) == len(WITHIN)
    assert board.song_lead.first[0].key == board.songs[0].key
    assert [*board.otherwise["song"]] == ["davidson", "without_both_bad"]
    assert leaderboard.latest() is everything is leaderboard.board("") is leaderboard.board(ALL_SONGS)
    plain = json.loads(json.dumps(board.as_dict(), allow_nan=False))
    assert (plain["board"], plain["votes"]) == ("genre: rock", len(WITHIN))
    assert {"agreement", "curves", "tags"} == everything.as_dict().keys() - plain.keys()
    assert everything.as_dict()["board"] == ALL_SONGS
    assert {"board": "genre: rock", "column": "genre", "value": "rock", "votes": len(WITHIN)} in plain["boards"]


def test_intervals_of_a_board_are_by_the_listeners_of_its_votes(store: VoteStore) -> None:
    """On the rock board, each listener always prefers one of two songs; elsewhere they agree."""
    songs = [of(0, genre="rock"), of(1, genre="rock"), of(2, genre="jazz"), of(3, genre="jazz")]
    likes = [
        each
        for voter in range(24)
        for each in (
            *between(songs[0], songs[1], *("a" if voter < 14 else "b") * 5, voter=f"voter {voter}"),
            *between(songs[2], songs[3], *"aab" * 2, voter=f"voter {voter % 5}"),
        )
    ]
    store.add_all([(each, ()) for each in stored(likes)])
    service = LeaderboardService(store)
    service.refit()
    rock, jazz = service.board("genre: rock"), service.board("genre: jazz")
    assert rock is not None
    assert jazz is not None
    assert (rock.listeners["song"], jazz.listeners) == (24, {})
    independent = rate([each for each in likes if each.battle.a.kinds["genre"] == "rock"])
    for wide, narrow in zip(rock.songs, independent, strict=True):
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert jazz.songs == rate([each for each in likes if each.battle.a.kinds["genre"] == "jazz"])


def test_a_board_is_computed_once_until_votes_come_in(
    leaderboard: LeaderboardService, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaderboard.refit()
    read, asked = store.counts, []
    monkeypatch.setattr(store, "counts", lambda: (asked.append(1), read())[1])
    first = leaderboard.board("genre: rock")
    assert all(leaderboard.board("genre: rock") is first for _ in range(3))
    assert len(asked) == 1
    store.add_all([(each, ()) for each in stored(between(ROCK[3], ROCK[2], "a"), 100)])
    assert leaderboard.board("genre: rock") is first, "it is not newer than the board of all songs"
    leaderboard.refit()
    second = leaderboard.board("genre: rock")
    assert second is not None
    assert (second.votes, second.version) == (len(WITHIN) + 1, leaderboard.latest().version)


@pytest.mark.parametrize(
    "name", ["genre", "genre: ", "Genre: rock", "vocals: no", "genre: rock\0", "\x1b[2J\r\n<b>", "x" * 10_000]
)
def test_a_board_that_is_not_there_is_a_clear_error(name: str, leaderboard: LeaderboardService) -> None:
    leaderboard.refit()
    with pytest.raises(UnknownBoard, match="There is no board") as refused:
        leaderboard.board(name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@dataclass(frozen=True)
class Board:
    """A board of a version, and when it was computed."""

    version: int
    at: float = 0.0


class Clock:
    """Tells the time that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def taking(clock: Clock, seconds: float, version: int = 1) -> Callable[[], Board]:
    def compute() -> Board:
        clock.now += seconds
        return Board(version, clock.now)

    return compute


def test_however_many_boards_are_asked_for_they_take_a_tenth_of_the_time() -> None:
    clock = Clock()
    boards: BoardCache[Board] = BoardCache(clock)
    spent = 0
    while clock.now < 1000 + 10 * BURST:
        for name in range(2 * MAX_BOARDS):
            before = clock.now
            boards.get(str(name), 1, taking(clock, 1.0))
            spent += clock.now > before
        clock.now += 1.0
    assert 10 * BURST < spent * REST <= 11 * BURST + 2 * REST
    assert len(boards._kept) == MAX_BOARDS


def test_an_old_board_is_better_than_none_while_a_new_one_must_wait() -> None:
    clock = Clock()
    boards: BoardCache[Board] = BoardCache(clock)
    old = boards.get("rock", 1, taking(clock, BURST))
    assert old == Board(1, clock.now)
    assert boards.get("rock", 2, taking(clock, 1.0, 2)) is old
    assert boards.get("jazz", 2, taking(clock, 1.0, 2)) is None
    clock.now += REST * BURST
    assert boards.get("rock", 2, taking(clock, 1.0, 2)) == Board(2, clock.now)


def test_nobody_waits_for_a_board_that_another_computes_and_an_error_frees_the_way() -> None:
    boards: BoardCache[Board] = BoardCache()
    computing, go_on = threading.Event(), threading.Event()

    def slowly() -> Board:
        computing.set()
        assert go_on.wait(30)
        raise UnknownBoard("gone")

    def ask() -> None:
        with pytest.raises(UnknownBoard):
            boards.get("rock", 1, slowly)

    thread = threading.Thread(target=ask)
    thread.start()
    assert computing.wait(30)
    assert boards.get("jazz", 1, lambda: Board(1)) is None
    go_on.set()
    thread.join(30)
    assert boards.get("jazz", 1, lambda: Board(1)) == Board(1)


def test_what_a_table_says_of_kinds_is_short_text_of_one_line() -> None:
    row = {
        "title": "not a kind",
        " Genre\t": " a\0b\u202e\n\tc  d ",
        "instrumental": True,
        "year": 1999.0,
        "none": None,
        "list": ["rock"],
        "a: b": "ambiguous",
        "lyrics": "x" * (MAX_KIND_LENGTH + 1),
        "x" * (MAX_KIND_LENGTH + 1): "long",
        "just": "y" * MAX_KIND_LENGTH,
    }
    found = read_kinds(row, frozenset(["title"]))
    assert found == {"genre": "ab c d", "instrumental": "True", "year": "1999", "just": "y" * MAX_KIND_LENGTH}


def test_columns_of_many_values_are_left_out_and_so_are_those_after_the_first() -> None:
    columns = Columns()
    rows = [
        {"id": str(number // 2), **{f"c{name}": str(number % 3) for name in range(2 * MAX_COLUMNS)}}
        for number in range(2 * MAX_VALUES + 5)
    ]
    for row in rows:
        columns.add(row)
    assert columns.kept(rows[0]) == {f"c{name}": "0" for name in range(MAX_KINDS)}
    assert len(columns._values) == MAX_COLUMNS
    assert all(len(values) <= MAX_VALUES + 1 for values in columns._values.values())
