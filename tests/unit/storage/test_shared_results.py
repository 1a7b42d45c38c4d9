"""What results under links promise: kept as they were without the song, found by id alone, deleted by key alone."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from apex_space.core.axes import KEYS
from apex_space.core.errors import LinkError, TooFast, UnknownJudge, UnknownLink, WrongKey
from apex_space.core.settings import Settings
from apex_space.judges.report import Segment
from apex_space.judges.windows import Windows
from apex_space.models.hub import Weights
from apex_space.storage.identity import AddressHasher
from apex_space.storage.migrations import MIGRATIONS
from apex_space.storage.records import Battle, Song
from apex_space.storage.shared_results import SharedResults, open_shared_results
from apex_space.storage.vote_store import VoteStore
from helpers.results import HERE, SECRET, report

AT = 1_700_000_000.0


@pytest.fixture
def clock() -> Iterator[Any]:
    class Clock:
        now = AT

        def __call__(self) -> float:
            self.now += 1
            return self.now

    return Clock()


@pytest.fixture
def links(store: VoteStore, clock: Any) -> SharedResults:
    return SharedResults(store, AddressHasher("salt"), 3, clock)


def everything(store: VoteStore) -> str:
    with store.transaction() as connection:
        return str(connection.execute(text("SELECT * FROM links")).all())


def count(store: VoteStore) -> int:
    with store.transaction() as connection:
        return connection.scalar(text("SELECT count(*) FROM links")) or 0


def test_a_result_comes_out_as_it_went_in_but_for_the_song(links: SharedResults, clock: Any) -> None:
    reports = (report(), report(judge="apex", spread={}))
    found = links.get(links.add(reports, " Glass\tMorning ", HERE).id)
    assert found.title == "Glass Morning"
    assert found.at == clock.now
    assert found.reports == tuple(replace(each, file="", sha256="") for each in reports)


def test_what_could_tell_the_song_its_maker_or_the_key_is_nowhere_in_the_database(
    links: SharedResults, store: VoteStore
) -> None:
    receipt = links.add([report()], "", HERE)
    kept = everything(store)
    assert receipt.id in kept
    for secret in (SECRET, report().sha256, HERE, receipt.key):
        assert secret not in kept


def test_ids_and_keys_are_long_and_never_the_same(links: SharedResults) -> None:
    receipts = [links.add([report()], "", HERE) for _ in range(10)]
    assert len({receipt.id for receipt in receipts} | {receipt.key for receipt in receipts}) == 20
    assert {(len(receipt.id), len(receipt.key)) for receipt in receipts} == {(22, 32)}  # 128 and 192 bits in base 64


def test_only_the_key_deletes_and_then_nothing_is_left(links: SharedResults, store: VoteStore) -> None:
    receipt, other = links.add([report()], "", HERE), links.add([report()], "", HERE)
    for wrong in ("", other.key, receipt.id, receipt.key + "x", "\ud800"):
        with pytest.raises(WrongKey, match="Nothing was deleted"):
            links.delete(receipt.id, wrong)
    links.delete(receipt.id, receipt.key)
    with pytest.raises(UnknownLink):
        links.get(receipt.id)
    with pytest.raises(UnknownLink):
        links.delete(receipt.id, receipt.key)
    assert receipt.id not in everything(store)
    assert links.get(other.id).reports


@pytest.mark.parametrize("id", ["", "x" * 22, "x" * 21 + "\0", "../../../etc/passwd", "é" * 22, "%" * 22, "x" * 10_000])
def test_any_other_text_is_no_result(links: SharedResults, id: str) -> None:
    with pytest.raises(UnknownLink, match="no result here"):
        links.get(id)


def test_beyond_the_most_the_oldest_goes(links: SharedResults, store: VoteStore) -> None:
    ids = [links.add([report()], str(number), HERE).id for number in range(5)]
    assert count(store) == 3
    for id in ids[:2]:
        with pytest.raises(UnknownLink):
            links.get(id)
    assert [links.get(id).title for id in ids[2:]] == ["2", "3", "4"]


def test_who_shares_many_takes_no_room_from_others(links: SharedResults) -> None:
    other = links.add([report()], "other", "192.0.2.8")
    busy = [links.add([report()], "", HERE) for _ in range(4)]
    assert links.get(other.id).title == "other"
    assert [links.get(each.id).title for each in busy[-2:]] == ["", ""]
    for each in busy[:2]:
        with pytest.raises(UnknownLink):
            links.get(each.id)


def test_nobody_makes_many_at_once(links: SharedResults, store: VoteStore) -> None:
    for _ in range(10):
        links.add([report()], "", HERE)
    before = everything(store)
    with pytest.raises(TooFast, match=r"Try again in \d+ s"):
        links.add([report()], "", HERE)
    assert everything(store) == before
    assert links.add([report()], "", "192.0.2.8")


@pytest.mark.slow
def test_what_cannot_be_kept_is_refused_with_its_reason(links: SharedResults, store: VoteStore) -> None:
    many = tuple(Segment(float(start), start + 1.0, report().scores) for start in range(10_000))
    with pytest.raises(LinkError, match="Score a song first"):
        links.add([], "", HERE)
    with pytest.raises(LinkError, match="too long"):
        links.add([report(segments=many)], "", HERE)
    with pytest.raises(LinkError, match="No results are kept"):
        SharedResults(store, AddressHasher("salt"), 0).add([report()], "", HERE)
    assert count(store) == 0


def test_six_judges_on_an_hour_of_music_are_not_too_long(links: SharedResults) -> None:
    scores = dict.fromkeys(KEYS, 3.141592653589793)
    hour = tuple(Segment(30.0 * place, 30.0 * place + 30, scores) for place in range(120))
    receipt = links.add([report(scores=scores, segments=hour)] * 6, "", HERE)
    assert len(links.get(receipt.id).reports[5].segments) == 120


def test_windows_and_lifts_are_kept(links: SharedResults) -> None:
    parts = tuple(replace(part, lift={"likes": 0.5}) for part in report().segments)
    given = report(segments=parts, windows=Windows(30.0, 5.0, {"likes": (57.25, 58.0)}))
    (kept,) = links.get(links.add([given], "", HERE).id).reports
    assert (kept.windows, kept.segments) == (given.windows, given.segments)


FIRST = (  # what version 0.1 of this code wrote: it has to be readable for ever
    '[{"file": "", "judge": "pocket", "scores": {"streams": null, "likes": 57.25, "musicality": 3.36}, "missing": '
    '{"streams": "no play counts to learn from"}, "spread": {"likes": 33.0}, "segments": [{"start": 0.0, "end": 30.0, '
    '"likes": 57.25}], "duration": 30.0, "measured": {"tempo": null, "key": null, "loudness": null, "peak": -1.9, '
    '"clipped": 0.0, "bandwidth": 18000.0, "rate": 44100, "channels": 2}, "weights": [{"repository": "a/b", '
    '"revision": "main"}], "precision": "float32", "precision_reason": "it is fast", "seconds": 1.5, "sha256": ""}]'
)


def put(store: VoteStore, reports: str) -> str:
    row = {"id": "x" * 22, "reports": reports}
    add = "INSERT INTO links (id, key_hash, at, title, reports) VALUES (:id, 'hash', 1.0, 'Old', :reports)"
    with store.transaction(writing=True) as connection:
        connection.execute(text(add), row)
    return row["id"]


def test_a_result_of_the_first_version_is_read_and_lacks_only_what_came_later(
    links: SharedResults, store: VoteStore
) -> None:
    (found,) = links.get(put(store, FIRST)).reports
    assert tuple(found.scores) == tuple(found.segments[0].scores) == KEYS
    assert (found.scores["likes"], found.scores["banger"], found.segments[0].scores["musicality"]) == (
        57.25,
        None,
        None,
    )
    assert found.weights == (Weights("a/b", "main"),)


def test_a_judge_that_is_no_longer_known_is_named(links: SharedResults, store: VoteStore) -> None:
    id = put(store, FIRST.replace('"pocket"', '"retired"'))
    with pytest.raises(UnknownJudge, match="'retired'"):
        links.get(id)


def test_a_database_of_votes_alone_gets_the_table_and_keeps_its_votes(url: str) -> None:
    with closing(VoteStore(url, migrations=MIGRATIONS[:1])) as before:
        before.add_battle(Battle("battle", Song("a"), Song("b"), "pool", 1.0))
    with closing(VoteStore(url)) as store:
        links = open_shared_results(Settings(shared_results=5), store)
        assert links.get(links.add([report()], "New", HERE).id).title == "New"
        assert store.battle("battle") is not None


def test_a_deletion_overtaken_by_another_is_no_error_of_the_database(links: SharedResults) -> None:
    receipt = links.add([report()], "", HERE)
    found = links._row(receipt.id)
    links.delete(receipt.id, receipt.key)
    links._row = lambda id: found  # type: ignore[method-assign]
    links.delete(receipt.id, receipt.key)


def test_the_reports_are_json_that_other_tools_read(links: SharedResults, store: VoteStore) -> None:
    links.add([report()], "", HERE)
    with store.transaction() as connection:
        (written,) = json.loads(connection.scalar(text("SELECT reports FROM links")) or "")
    assert written["scores"]["likes"] == 57.25
