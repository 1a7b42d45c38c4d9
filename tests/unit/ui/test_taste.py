"""A visitor's own figures on the page and as a picture."""

import base64
import io
import re
from html import unescape

from PIL import Image

from apex_space.arena.ratings import Rating
from apex_space.arena.taste import Agreed, Taste, Weighing
from apex_space.core.i18n import use_language
from apex_space.core.intervals import ConfidenceInterval
from apex_space.plots import votes_card
from apex_space.plots.card import HEIGHT, WIDTH
from apex_space.ui.render.taste import card, taste
from helpers.votes import MARKUP, rate, vote

UNCLEAR, MORE, LESS = (ConfidenceInterval(sum(ends) / 2, *ends) for ends in ((-1.0, 1.0), (0.1, 0.5), (-0.5, -0.1)))
SONGS = rate([vote(0, 1)] * 12)


def found(*weighings: Weighing, crowd: Agreed | None = None, songs: tuple[Rating, ...] = SONGS) -> Taste:
    return Taste(12, "pocket", weighings, (Agreed("pocket", 6.5, 12),), crowd, songs)


def words(html: str) -> str:
    return unescape(" ".join(re.sub("<[^>]*>", " ", html).split()))


def pictures(html: str) -> list[Image.Image]:
    data = re.findall('data:image/png;base64,([^"]*)', html)
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in data]


def test_what_is_not_clear_is_too_early_to_say() -> None:
    told = words(taste(found(Weighing("clarity", UNCLEAR), crowd=Agreed("", 3, 4))).split("<details>")[0])
    assert told.startswith("It is too early to say which scores you weigh")
    assert "too early to say whether you agree with other listeners: it was the same song in 3 of 4 votes" in told
    assert "too early to say whether Pocket knows your taste: it foresaw 6.5 of 12 votes." in told
    assert "Title 0" in told


def test_what_is_clear_is_told_in_plain_words() -> None:
    given = found(Weighing("clarity", MORE), Weighing("coherence", LESS), crowd=Agreed("", 0, 9))
    told, figures = taste(given).split("<details>")
    assert "You weigh Clarity more than others do. You weigh Coherence less than others do." in words(told)
    assert "the same song in only 0 of 9 votes." in words(told)
    assert "above average" in words(told)
    assert "+0.30 +0.10 to +0.50" in words(figures)


def test_the_pictures_can_be_downloaded_and_have_the_size_that_previews_show() -> None:
    shown = taste(found()) + card([Agreed("pocket", 6, 9), Agreed("gone", 0, 1)], 10)
    assert [picture.size for picture in pictures(shown)] == [(WIDTH, HEIGHT)] * 2
    assert re.findall('download="([^"]*)"', shown) == ["my-taste.png", "me-against-the-judges.png"]
    assert "10 votes: you against the judges." in words(shown)
    assert card([], 10) == ""


def song(title: str) -> Rating:
    return Rating(title, title, "", 0.6, 0.4, 0.8, 2, 1, 0, None, None)


def test_titles_stay_texts_and_those_that_no_font_can_write_are_left_out() -> None:
    bad = [song(MARKUP), song("\U000e0001"), song("\U000e0041\U000e007f")]
    shown = taste(found(songs=tuple(bad)))
    assert "<img" not in shown
    assert len(pictures(shown)) == 1
    assert len(pictures(taste(found(songs=(song("A title " * 40),))))) == 1


def test_songs_that_no_font_can_write_take_no_place_in_the_picture_from_others() -> None:
    written, unwritten = tuple(map(song, "abc")), tuple(map(song, "\U00012000\U00012001\U00012002"))
    with_both, alone = (pictures(taste(found(songs=songs)))[0] for songs in (unwritten + written, written))
    assert with_both.tobytes() == alone.tobytes()


def test_a_long_line_in_a_picture_ends_with_a_whole_word() -> None:
    assert votes_card("x", "More, " + "m" * 100, []) == votes_card("x", "More…", [])


def test_the_picture_is_the_same_in_every_language() -> None:
    with use_language("zh-CN"):
        chinese = taste(found())
    assert "现在还说不准 Pocket 是否" in words(chinese)
    assert "图片（英文）" in chinese
    assert pictures(chinese)[0].tobytes() == pictures(taste(found()))[0].tobytes()
