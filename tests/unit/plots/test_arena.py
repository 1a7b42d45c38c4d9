"""Pictures and tables of ratings and agreement: what they show, and that texts from outside stay texts."""

import re
from html import unescape

import numpy as np
import pytest

from apex_space import plots
from apex_space.arena.agreement import Agreement
from apex_space.arena.lead import find_lead, meetings
from apex_space.arena.leaderboard import LeaderboardSnapshot, WinTags
from apex_space.arena.pool_sources import from_examples
from apex_space.arena.ratings import FEW_VOTES, MIN_VOTES, Rating
from apex_space.core.i18n import use_language
from apex_space.plots.arena import MAX_ROWS, song_text
from apex_space.plots.names import MAX_LABEL_LENGTH
from apex_space.storage.records import Song, Vote
from apex_space.ui.pages.leaderboard import _shown
from apex_space.ui.render import arena as render
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
    assert [row[1] for row in rows(table)] == ["玻璃清晨", "Likes"]


def test_dots_and_whiskers_are_the_ratings_and_their_intervals() -> None:
    ranked = rate(simulate(np.array([-1.0, 0.0, 1.0]), 300))
    (dots,) = plots.ratings(ranked).data
    assert list(dots.x) == [100 * row.rating for row in ranked]
    assert list(np.add(dots.x, dots.error_x.array)) == pytest.approx([100 * row.high for row in ranked])
    assert list(np.subtract(dots.x, dots.error_x.arrayminus)) == pytest.approx([100 * row.low for row in ranked])


def test_a_picture_of_many_songs_shows_the_first_and_the_table_all() -> None:
    ranked = [rating(place) for place in range(2000)]
    figure = plots.ratings(ranked)
    assert sum(len(trace.x) for trace in figure.data) == MAX_ROWS
    assert figure.layout.height < 1000
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert [int(row[0]) for row in rows(render.songs(ranked))] == list(range(1, 2001))


def test_preliminary_ratings_are_told_apart_in_picture_and_table() -> None:
    ranked = [rating(0, FEW_VOTES), rating(1, FEW_VOTES - 1)]
    settled, preliminary = plots.ratings(ranked).data
    assert (settled.name, list(settled.y)) == ("settled", [0])
    assert (preliminary.name, list(preliminary.y)) == ("preliminary", [1])
    assert ["preliminary" in row[4] for row in rows(render.songs(ranked))] == [False, True]


def test_a_rating_by_few_votes_is_told_in_words_and_has_no_rank() -> None:
    shown = rows(render.songs([rating(0, MIN_VOTES - 1), rating(1, MIN_VOTES)]))
    assert [row[0] for row in shown] == ["2", "–"]
    assert shown[1][2:4] == ["too few votes", "–"]
    assert "%" in shown[0][2]
    assert "%" not in str(shown[1])


def test_ranks_that_the_votes_allow_are_shown_as_a_range() -> None:
    ranked = rate([vote(1, 2, winner) for winner in ("a", "b") for _ in range(MIN_VOTES)])
    assert [row[0] for row in rows(render.songs(ranked))] == ["1–2", "1–2"]
    assert [label.split(".")[0] for label in plots.ratings(ranked).layout.yaxis.ticktext] == ["1–2", "1–2"]


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


def test_votes_between_generators_are_a_table_and_a_picture() -> None:
    met = meetings(tally([vote(0, 1)] * 3 + [vote(1, 0)] + [vote(0, 1, "tie")] + [vote(2, 3)] * (MIN_VOTES - 1)))
    assert rows(render.meetings(met)) == [
        ["maker0 and maker1", "5", "70%", "30% to 93%", "1"],
        ["maker2 and maker3", str(MIN_VOTES - 1), "too few votes", "–", "0"],
    ]
    (shares,) = plots.meetings(met).data
    assert shares.z[0][1] == pytest.approx(70)
    assert shares.z[1][0] == pytest.approx(30)
    assert shares.z[0][0] is shares.z[0][2] is None


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
        assert [_shown(now)[place].visible for place in (1, 3, 8)] == [count == MIN_VOTES] * 3


def test_markup_in_titles_is_shown_as_text() -> None:
    ranked = [rating(0, title=MARKUP)]
    figure = plots.ratings(ranked)
    texts = [*figure.layout.yaxis.ticktext, *figure.data[0].text]
    assert not any("<" in text for text in texts)
    assert "<img" not in render.songs(ranked) + render.generators(ranked)
    assert rows(render.songs(ranked))[0][1] == MARKUP


def test_a_long_title_is_cut_in_the_picture_alone() -> None:
    ranked = [rating(0, title="x" * 300)]
    (label,) = plots.ratings(ranked).layout.yaxis.ticktext
    assert len(label) == len("1. ") + MAX_LABEL_LENGTH
    assert rows(render.songs(ranked))[0][1] == "x" * 300


def test_takes_of_a_song_are_told_apart_in_the_picture() -> None:
    ranked = [rating(place, title=f"my_long_song_take_{place:02}") for place in range(1, 13)]
    labels = plots.ratings(ranked).layout.yaxis.ticktext
    assert list(labels[:2]) == ["2. take_01", "3. take_02"]


def test_a_song_without_a_title_has_the_beginning_of_its_hash() -> None:
    assert rows(render.songs([rating(7)]))[0][1] == "00000000"


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


def test_without_votes_there_is_a_way_to_vote_and_nothing_else() -> None:
    assert 'href="arena"' in render.standing(LeaderboardSnapshot())
    assert render.songs(()) + render.generators(()) + render.agreement(LeaderboardSnapshot()) == ""
    assert render.calibration(()) + render.between(()) == ""


def test_one_vote_is_one_vote() -> None:
    standing = LeaderboardSnapshot(
        1, 1.0, rate([vote(song(1), song(2))]), agreement=measure_agreement([vote(song(1), song(2))])
    )
    assert "1 vote so far" in render.standing(standing)
