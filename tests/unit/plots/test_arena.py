"""Pictures and tables of ratings and agreement: what they show, and that texts from outside stay texts."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from apex_space import plots
from apex_space.arena.agreement import Agreement
from apex_space.arena.lead import Meeting, find_lead, meetings
from apex_space.arena.leaderboard import LeaderboardSnapshot, WinTags
from apex_space.arena.pool_sources import from_examples
from apex_space.arena.ratings import FEW_VOTES, MIN_VOTES, Rating, RatingModel
from apex_space.arena.sensitivity import rate_otherwise
from apex_space.core.i18n import use_language
from apex_space.plots.arena import song_text
from apex_space.storage.records import Song, Vote
from apex_space.ui.pages.leaderboard import _pictures, _ratings
from apex_space.ui.render import arena as render
from apex_space.ui.render.arena import MAX_GENERATORS
from helpers.chinese import latin
from helpers.votes import measure_agreement, predicted, rate, sigmoid, simulate, song, tally, vote

MARKUP = "<img src=x onerror=alert(1)> & more"


def rating(place: int, votes: int = 100, title: str = "") -> Rating:
    middle = 1 - place / 3000
    low, high = middle - 0.1, min(1.0, middle + 0.1)
    ranks = (None, None) if votes < MIN_VOTES else (place + 1, place + 1)
    return Rating(f"{place:064x}", title, "maker", middle, low, high, votes, votes, 0, *ranks)


@pytest.fixture
def judges() -> tuple[Agreement, ...]:
    votes = simulate(np.array([-1.0, 0.0, 1.0, 0.5]), 400, judge=sigmoid)
    return measure_agreement(votes)["pool"].judges


def rows(table: str) -> list[list[str]]:
    """The texts of a table's body."""
    body = table.split("<tbody>")[1]
    return [
        [unescape(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)] for row in body.split("<tr>")[1:]
    ]


def test_texts_of_our_own_songs_are_translated_and_those_of_others_are_not() -> None:
    songs = from_examples(damaged=True)
    ours = [text for each in songs for text in (each.title, each.generator, each.prompt)]
    assert [song_text(text) for text in ours] == ours
    with use_language("zh-CN"):
        assert latin(map(song_text, ours)) == []
        assert song_text("Clarity") == "Clarity"  # as the name of a song
        assert song_text("") == ""
        table = render.songs([rating(0, title=songs[0].title), rating(1, title="Likes")])
    assert [row[1].split("<")[0] for row in rows(table)] == ["玻璃清晨", "Likes"]


def test_bars_are_the_ratings_and_their_intervals() -> None:
    ranked = rate(simulate(np.array([-1.0, 0.0, 1.0]), 300))
    bars = re.findall(r"--at: (.*?)%; --low: (.*?)%; --high: (.*?)%", render.songs(ranked))
    found = [100 * share for row in ranked for share in (row.rating, row.low, row.high)]
    assert [float(share) for bar in bars for share in bar] == pytest.approx(found, abs=0.051)


def test_the_table_has_all_of_many_songs() -> None:
    ranked = [rating(place) for place in range(2000)]
    assert [int(row[0]) for row in rows(render.songs(ranked))] == list(range(1, 2001))


def test_preliminary_ratings_are_told_apart() -> None:
    shown = rows(render.songs([rating(0, FEW_VOTES), rating(1, FEW_VOTES - 1)]))
    assert ["preliminary" in row[2] for row in shown] == [False, True]
    assert ["preliminary" in row[3] for row in shown] == [False, True]


def test_a_rating_by_few_votes_is_told_in_words_and_has_no_rank() -> None:
    shown = rows(render.songs([rating(0, MIN_VOTES - 1), rating(1, MIN_VOTES)]))
    assert [row[0] for row in shown] == ["2", "–"]
    assert shown[1][2] == "too few votes"
    assert "%" in shown[0][2]
    assert "%" not in str(shown[1])


def test_ranks_that_the_votes_allow_are_shown_as_a_range() -> None:
    ranked = rate([vote(1, 2, winner) for winner in ("a", "b") for _ in range(MIN_VOTES)])
    assert [row[0] for row in rows(render.songs(ranked))] == ["1–2", "1–2"]


@pytest.mark.parametrize(
    ("rivals", "told"),
    [
        ((1,), "Songs: Title 0 leads: it is ahead of all others that have enough votes. "),
        ((), "Songs: Title 0 and Title 1 lead, and it is too close to call between them. "),
        ((2, 3, 4), "Songs: any of 5 could be first: there are not enough votes to tell. "),
    ],
)
def test_the_verdict_says_who_leads_and_what_would_change_it(rivals: tuple[int, ...], told: str) -> None:
    even = [vote(i, j, winner) for i, j in ((0, 1), *((0, k) for k in rivals[1:])) for winner in ("a", "b")]
    votes = [vote(0, 1)] * 40 if rivals == (1,) else even * 10 + [vote(1, k, "tie") for k in rivals] * 10
    found = render.standing(_standing(votes))
    assert told in unescape(found)
    assert "for the second against the first would change who is on top." in found


def _standing(votes: list[Vote]) -> LeaderboardSnapshot:
    counts, songs = tally(votes), rate(votes)
    return LeaderboardSnapshot(
        1, 1.0, songs, song_lead=find_lead(counts, "song", songs), agreement=measure_agreement(votes)
    )


def test_other_ways_to_count_ties_are_told_in_a_sentence_that_unfolds() -> None:
    votes = [vote(1, 2)] * 40 + [vote(2, 1)] * 10 + [vote(1, 2, "both_bad"), vote(2, 1, "both_bad")] * 300
    votes += [vote(3, 4)] * (MIN_VOTES - 1)
    ranked, ways = rate(votes), rate_otherwise(tally(votes), "song", RatingModel())
    found = render.otherwise(ranked, ways)
    assert "<summary>If ties and “both bad” votes were counted in another way, 2 of 2 ranks could change." in found
    assert [[row[0], row[1], row[3]] for row in rows(found)] == [
        ["Title 1", "1–2: 51%", "1: 62%"],
        ["Title 2", "1–2: 49%", "2: 38%"],
    ]
    assert "no rank would change" in render.otherwise(ranked, {})
    assert "<summary>" not in render.otherwise(ranked, {})
    assert render.otherwise((), {}) == ""
    ranked = [rating(0, title=MARKUP)]
    assert "<img" not in render.otherwise(ranked, {"davidson": ranked})


def test_votes_between_generators_are_a_matrix_and_a_list() -> None:
    met = meetings(tally([vote(0, 1)] * 3 + [vote(1, 0)] + [vote(0, 1, "tie")] + [vote(2, 3)] * (MIN_VOTES - 1)))
    matrix, pairs = render.meetings(met).split("<details>")
    assert [
        [" ".join(re.findall(r"[\w.%–-]+", re.sub("<.*?>", " ", cell))) for cell in row] for row in rows(matrix)
    ] == [
        ["1. maker0", "", "70% 5", "", ""],
        ["2. maker1", "30% 5", "", "", ""],
        ["3. maker2", "", "", "", f"– {MIN_VOTES - 1}"],
        ["4. maker3", "", "", f"– {MIN_VOTES - 1}", ""],
    ]
    assert [re.findall(r"class=\"(\w+)\" style=\"--weight: (\d+)%", cell) for cell in rows(matrix)[0]][2] == [
        ("more", "24")
    ]
    assert rows(pairs) == [
        ["maker0 and maker1", "5", "70%", "30% to 93%", "1"],
        ["maker2 and maker3", str(MIN_VOTES - 1), "too few votes", "–", "0"],
    ]
    assert render.meetings([]) == ""


def test_a_matrix_of_many_generators_has_those_with_the_most_votes() -> None:
    many = [Meeting(f"maker{place:02}", "busy", 10, 0, 0) for place in range(40)]
    table = render.meetings(many).split("<details>")[0]
    assert len(rows(table)) == MAX_GENERATORS
    assert "busy" in table
    assert f"the first {MAX_GENERATORS} of 41" in table


def test_why_a_generator_won_is_told_from_some_votes_on() -> None:
    given = [WinTags(MARKUP, MIN_VOTES, {"melody": MIN_VOTES, "mix": 1}), WinTags("few", MIN_VOTES - 1, {"mix": 1})]
    shown = render.tags(given)
    assert shown.startswith("<details><summary>Why they won")
    assert rows(shown) == [[MARKUP, "5", "5", "0", "0", "1", "0", "0"]]
    assert "<img" not in shown
    assert render.tags(given[1:]) == ""


def test_agreement_between_generators_by_few_votes_is_told_in_words() -> None:
    for count, told in ((MIN_VOTES - 1, ["too few votes", "–"]), (MIN_VOTES, ["100%", "57% to 100%"])):
        judges = measure_agreement([vote(1, 2, "a", predicted(0.7))] * count)["pool"].judges
        assert rows(render.between(judges))[0][2:] == [str(count), *told]


def test_the_page_draws_no_rating_by_few_votes() -> None:
    for count in (MIN_VOTES - 1, MIN_VOTES):
        votes = [vote(1, 2, "a", predicted(0.7))] * count
        now = LeaderboardSnapshot(count, 1.0, rate(votes), rate(votes, "generator"), agreement=measure_agreement(votes))
        assert ['class="bar' in table for table in _ratings(now)[1:3]] == [count == MIN_VOTES] * 2
        assert _pictures(now)[0].visible == (count == MIN_VOTES)


def test_markup_in_titles_is_shown_as_text() -> None:
    ranked = [rating(0, title=MARKUP)]
    assert "<img" not in render.songs(ranked) + render.generators(ranked)
    assert unescape(rows(render.songs(ranked))[0][1]).startswith(MARKUP)
    met = [Meeting(MARKUP, "maker", 10, 0, 0)]
    assert "<img" not in render.meetings(met)


def test_a_song_without_a_title_has_the_beginning_of_its_hash() -> None:
    assert rows(render.songs([rating(7)]))[0][1] == "00000000<small>maker</small>"


def test_calibration_has_its_diagonal_and_each_bin_with_its_interval(judges: tuple[Agreement, ...]) -> None:
    diagonal, dots = plots.calibration(judges).data
    assert tuple(diagonal.x) == tuple(diagonal.y)
    bins = judges[0].calibration
    assert len(bins) > 1
    assert list(dots.x) == [100 * row.predicted for row in bins]
    assert list(np.add(dots.y, dots.error_y.array)) == pytest.approx([100 * row.won.high for row in bins])
    assert list(np.subtract(dots.y, dots.error_y.arrayminus)) == pytest.approx([100 * row.won.low for row in bins])


def test_the_votes_of_the_bins_and_of_the_generators_are_all_votes(judges: tuple[Agreement, ...]) -> None:
    assert sum(int(row[5]) for row in rows(render.calibration(judges))) == judges[0].decided
    assert sum(int(row[2]) for row in rows(render.between(judges))) == judges[0].decided


def test_agreement_is_told_for_each_judge_and_kind_of_songs() -> None:
    votes = [vote(1, 2, "a", predicted(0.7), predicted(0.4, "apex"))] * 40
    votes += [vote(Song("x"), Song("y"), winner, predicted(0.7), source="uploaded") for winner in ("tie", "b")]
    found = render.agreement(LeaderboardSnapshot(42, 1.0, agreement=measure_agreement(votes)))
    apex, pocket, own = rows(found)
    assert (apex[0], apex[1], apex[2], apex[3]) == ("APEX", "the pool’s", "40", "0% (0% to 9%)")
    assert (pocket[0], pocket[3], pocket[-1]) == ("Pocket", "100% (91% to 100%)", "better than chance")
    assert (own[1], own[2], own[7]) == ("visitors’ own", "1", "1")
    assert (own[3:7], own[-1]) == (["–"] * 4, "too few votes")
    assert "1 of 2 votes were ties or “both bad”" in found


def test_a_judge_that_has_left_the_registry_keeps_its_name_and_its_markup_is_text() -> None:
    judges = measure_agreement([vote(1, 2, "a", predicted(0.7, "<b>old</b>"))])["pool"].judges
    assert rows(render.calibration(judges))[0][0] == "<b>old</b>"
    assert "<b>" not in str(plots.calibration(judges).data[1].name)


def test_the_page_says_which_kind_of_intervals_it_shows() -> None:
    now = LeaderboardSnapshot(1, 1.0, rate([vote(1, 2)]))
    assert "as if each vote came from another listener, until 10 listeners" in render.standing(now)
    assert "by the same listener" in render.standing(replace(now, listeners={"song": 30, "generator": 30}))
    assert "30 listeners so far" in render.standing(replace(now, listeners={"song": 30, "generator": 30}))
    assert "intervals" not in render.standing(LeaderboardSnapshot())


def test_where_the_intervals_of_songs_and_generators_differ_the_page_says_both() -> None:
    now = LeaderboardSnapshot(1, 1.0, rate([vote(1, 2)]), rate([vote(1, 2)], "generator"), listeners={"song": 30})
    assert now.generators
    songs, generators = re.findall(r'<p class="note" role="status">(.*?)</p>', render.standing(now))[-2:]
    assert "Songs" in songs
    assert "30 listeners so far" in songs
    assert "Generators" in generators
    assert "as if each vote came from another listener" in generators


def test_without_votes_there_is_a_way_to_vote_and_nothing_else() -> None:
    assert 'href="arena"' in render.standing(LeaderboardSnapshot())
    assert render.songs(()) + render.generators(()) + render.agreement(LeaderboardSnapshot()) == ""
    assert render.calibration(()) + render.between(()) == ""


def test_one_vote_is_one_vote() -> None:
    standing = LeaderboardSnapshot(
        1, 1.0, rate([vote(song(1), song(2))]), agreement=measure_agreement([vote(song(1), song(2))])
    )
    assert "1 vote so far" in render.standing(standing)
