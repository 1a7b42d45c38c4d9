"""What holds on PostgreSQL too: locks, processes, migrations, and whatever its SQL could do otherwise than SQLite's.

Long sequences of votes and whole models are in `thorough`.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from apex_space.core.errors import StoreError
from apex_space.core.settings import Settings
from apex_space.storage.records import SongScores
from apex_space.storage.vote_io import ImportResult, export_votes, import_votes
from apex_space.storage.vote_store import VoteStore, open_store
from helpers.database import postgresql, sqlite
from helpers.votes import votes_counted
from server.test_shards import test_replicas_share_the_work  # noqa: F401
from server.test_store import test_several_processes_may_open_a_new_database_at_once  # noqa: F401
from unit.arena.test_learning import service, test_many_processes_may_learn_at_once  # noqa: F401
from unit.storage.test_database import (  # noqa: F401
    PASSWORD,
    battle,
    cast,
    refused_silently,
    test_a_battle_has_one_vote_and_it_stays,
    test_a_battle_is_issued_once,
    test_a_changed_vote_is_put_into_a_later_shard_as_well,
    test_a_database_of_newer_code_is_refused,
    test_a_forked_child_has_connections_of_its_own,
    test_a_migration_that_fails_leaves_nothing_behind,
    test_a_song_keeps_each_kind_it_was_first_seen_with,
    test_a_song_keeps_the_texts_it_was_first_seen_with,
    test_a_vote_gets_its_tags_once,
    test_a_vote_is_not_set_aside_without_a_reason_that_can_be_stored,
    test_a_vote_is_put_into_one_shard,
    test_a_vote_needs_the_battle_that_was_issued,
    test_a_vote_set_aside_counts_nothing_until_it_is_restored,
    test_a_vote_that_got_tags_after_it_was_copied_is_put_into_a_later_shard_as_well,
    test_a_vote_that_never_counted_keeps_its_reason_and_can_be_restored,
    test_a_voters_second_vote_on_the_same_two_songs_does_not_count,
    test_an_old_database_is_brought_up_to_date_and_keeps_its_votes,
    test_an_old_salt_is_no_longer_in_the_database,
    test_choices_are_the_counted_votes_for_a_song_of_the_pool_the_oldest_first,
    test_every_table_but_links_fetches_friends_and_counts_is_append_only,
    test_imports_and_votes_at_once_are_counted_once,
    test_it_is_all_there_after_closing_and_opening,
    test_many_threads_may_write_and_read,
    test_of_a_voters_votes_on_a_pair_at_many_replicas_at_once_one_counts,
    test_of_many_votes_at_once_on_a_battle_one_is_kept,
    test_of_models_the_one_after_the_most_changes_is_the_newest,
    test_of_models_the_one_of_the_most_votes_is_given_and_each_is_stored_once,
    test_old_models_lose_their_texts_and_nothing_else,
    test_scores_are_kept_once_and_the_latest_revision_is_given,
    test_setting_aside_or_restoring_twice_changes_nothing,
    test_shards_that_are_claimed_at_once_share_no_vote,
    test_songs_are_counted_by_their_unsuspicious_votes,
    test_tags_are_counted_for_the_generator_that_won,
    test_the_database_itself_changes_and_deletes_nothing,
    test_the_pairs_of_an_old_database_are_counted_again_as_they_were_played,
    test_the_words_of_an_old_database_are_replaced_and_its_votes_stay_as_they_are,
    test_votes_of_an_old_database_can_be_set_aside,
    test_votes_set_aside_and_restored_by_many_at_once_are_counted_once,
    test_votes_that_older_code_stored_are_counted_when_the_counts_are_read,
    test_what_is_read_together_is_of_one_moment,
    test_what_one_database_refuses_both_do,
    test_what_was_put_in_comes_out_by_its_time,
    vote,
)
from unit.storage.test_friend_battles import (  # noqa: F401
    clips,
    friends,
    test_a_battle_comes_out_as_it_went_in_and_only_the_key_deletes_all_of_it,
    test_a_full_server_and_a_full_visitor_are_refused_before_and_after_encoding,
    test_after_its_time_a_battle_is_gone_at_once_and_its_bytes_with_the_next_sweep,
    test_each_browser_has_one_vote_and_an_address_has_a_few,
    test_votes_at_once_from_one_address_stay_within_its_bound,
    timer,
)
from unit.storage.test_shared_results import (  # noqa: F401
    clock,
    links,
    test_a_database_of_votes_alone_gets_the_table_and_keeps_its_votes,
    test_a_deletion_overtaken_by_another_is_no_error_of_the_database,
    test_a_result_comes_out_as_it_went_in_but_for_the_song,
    test_beyond_the_most_the_oldest_goes,
    test_only_the_key_deletes_and_then_nothing_is_left,
)
from unit.storage.test_vote_io import example, kept


@pytest.fixture
def url() -> Iterator[str]:
    with postgresql() as found:
        yield found


@pytest.fixture
def store(url: str) -> Iterator[VoteStore]:
    with closing(VoteStore(url)) as opened:
        yield opened


def test_postgresql_has_several_names(url: str) -> None:
    for name in ("postgres:", "postgresql:", "postgresql+psycopg:"):
        with closing(open_store(Settings(database_url=url.replace("postgresql:", name)))) as found:
            assert votes_counted(found) == 0


def test_a_wrong_password_is_refused_without_telling_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    user, place = url.rsplit("@", 1)
    refused_silently(f"{user.rsplit(':', 1)[0]}:{PASSWORD}@{place}", caplog)


def test_a_database_that_goes_away_and_comes_back_costs_no_restart(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(VoteStore(url)) as here:
        cast(here, vote(battle("1")))
        server, name = url.rsplit("/", 1)
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            with pytest.raises(StoreError, match="Try again"):
                here.add_battle(battle("2"))
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        cast(here, vote(battle("2")))
        assert votes_counted(here) == 2
    assert "not currently accepting connections" in caplog.text
    assert server.split(":")[2].split("@")[0] not in caplog.text


def test_votes_are_imported_from_sqlite(url: str, tmp_path: Path) -> None:
    scored = [(1.0, SongScores("song a", "apex", "r1", {"clarity": 1.5, "streams": None}))]
    with closing(VoteStore(sqlite(tmp_path))) as here, closing(VoteStore(url)) as there:
        here.add_all([(example(number), scored) for number in range(1200)])
        there.add_all([(example(number), ()) for number in range(100)])
        export_votes(here, tmp_path / "votes.parquet")
        assert import_votes(there, tmp_path / "votes.parquet") == ImportResult(1100, 100)
        assert kept(there) == kept(here)
