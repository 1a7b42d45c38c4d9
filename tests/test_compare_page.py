"""Which of two songs people would pick: the answer's forms, over HTTP, and in a real browser."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_page import EXAMPLES, Server, _wait_for, browser, start, upload  # noqa: F401
from visiting import visits

from apex_space import plots
from apex_space.axes import KEYS
from apex_space.estimates import Estimate
from apex_space.judges import load_judge
from apex_space.preference import Bin, Comparison, Head, Metrics, Preference, revision_of, save
from apex_space.report import Report
from apex_space.ui import render
from apex_space.ui.uploads import GRACE_SECONDS

GOOD, BAD = EXAMPLES / "synthwave.ogg", EXAMPLES / "synthwave_damaged.ogg"
"""One piece, and the same cut up and shuffled, which pocket finds far less coherent."""
MARKUP = "<img src=x onerror=document.title='owned'>"
JSON_LINK = "Comparison as JSON"
PLAY = re.compile(r"^Play\b")
"""A button's name, after which comes that of the song where there are two."""


@pytest.fixture(scope="module")
def reports() -> tuple[Report, Report]:
    judge = load_judge("pocket")
    return judge(GOOD), judge(BAD)


@pytest.fixture(scope="module")
def head(reports: tuple[Report, Report]) -> Head:
    """It weighs coherence alone, and much."""
    figure = Estimate(0.6, 0.5, 0.7)
    bins = (Bin(0.5, 1.0, 1.0, 0.6, figure),)
    rules = {"coherence": figure}
    metrics = Metrics(figure, figure, figure, figure, bins, rules, "coherence", figure, figure, "songs")
    weights = revision_of(reports[0])
    return Head("pocket", weights, ("coherence",), (1.0,), (2.0,), ((0.01,),), "simulated", 1234, 56, metrics)


@pytest.fixture(scope="module")
def comparison(reports: tuple[Report, Report], head: Head) -> Comparison:
    return Comparison(*reports, "pocket", head, head(*reports), outdated=False)


def other_way(comparison: Comparison) -> Comparison:
    return replace(comparison, a=comparison.b, b=comparison.a, answer=comparison.head(comparison.b, comparison.a))


shares = st.floats(0, 1, allow_nan=False)


@given(st.lists(shares, min_size=3, max_size=3).map(sorted))
def test_the_sentence_of_swapped_songs_names_the_other_one(figures: list[float]) -> None:
    low, probability, high = figures
    one = render.sentence(Preference(probability, low, high, {}))
    other = render.sentence(Preference(1 - probability, 1 - high, 1 - low, {}))
    if one.startswith("Too close"):
        assert other.startswith("Too close")
    else:
        assert {one[0], other[0]} == {"A", "B"}
        assert one[1:] == other[1:]
    assert " 100 of 100" not in one
    assert " 0 of 100" not in one


def test_the_sentence_has_the_chance_and_its_interval() -> None:
    assert render.sentence(Preference(0.64, 0.57, 0.7, {})) == "A is preferred by about 64 of 100 listeners (57 to 70)"
    assert render.sentence(Preference(0.36, 0.3, 0.43, {})) == "B is preferred by about 64 of 100 listeners (57 to 70)"
    close = "Too close to call: A is preferred by about 52 of 100 listeners (45 to 59)"
    assert render.sentence(Preference(0.52, 0.45, 0.59, {})) == close


def test_the_same_song_is_called_so(comparison: Comparison) -> None:
    twice = replace(comparison, b=comparison.a, answer=comparison.head(comparison.a, comparison.a))
    assert "The same song: 50 of 100 listeners" in render.answer(twice)
    assert render.as_dict(twice)["same"]
    assert "The same song" not in render.answer(comparison)


def test_every_answer_carries_how_good_the_head_is(comparison: Comparison) -> None:
    answer = render.answer(comparison)
    for fact in ("60%", "50% to 70%", "1,234 battles", "56 songs", "simulated"):
        assert fact in answer


def test_an_answer_through_another_judges_head_says_so(comparison: Comparison) -> None:
    through = replace(comparison, judge="apex")
    assert "APEX has no preference head of its own: Pocket" in render.answer(through)
    assert "Pocket’s score" in render.details(through)
    assert "no preference head of its own" not in render.answer(comparison)
    assert "Pocket’s score" not in render.details(comparison)


def test_a_head_of_other_weights_is_mentioned(comparison: Comparison) -> None:
    assert "fitted on other weights" in render.answer(replace(comparison, outdated=True))
    assert "fitted on other weights" not in render.answer(comparison)


def test_markup_in_names_is_text(comparison: Comparison) -> None:
    named = replace(comparison, a=replace(comparison.a, file=MARKUP), b=replace(comparison.b, file=MARKUP))
    assert "<img" not in render.answer(named) + render.details(named) + render.comparison_links(named)


def test_json_holds_the_answer_the_head_and_both_reports(comparison: Comparison) -> None:
    plain = json.loads(json.dumps(render.as_dict(comparison), allow_nan=False))
    assert plain["probability"] == comparison.answer.probability > plain["low"] > 0.5
    assert (plain["verdict"], plain["judge"], plain["fallback"]) == ("a", "pocket", False)
    assert plain["contributions"] == dict(comparison.answer.contributions)
    assert plain["head"]["revision_id"] == comparison.head.revision_id
    assert plain["head"]["metrics"]["accuracy"] == [0.6, 0.5, 0.7]
    assert [plain[side]["file"] for side in "ab"] == [GOOD.name, BAD.name]


def test_every_axis_is_in_the_table_with_what_it_spoke_for(comparison: Comparison) -> None:
    details = render.details(comparison)
    axes = comparison.a.axes
    assert all(f'<th scope="row">{axis.label}</th>' in details for axis in axes)
    assert details.count("<td>not weighed</td>") == len(axes) - 1
    assert f"<td>A {comparison.answer.contributions['coherence']:.2f}</td>" in details


def test_the_bar_is_all_listeners_and_its_whisker_the_interval() -> None:
    figure = plots.probability(Preference(0.64, 0.57, 0.7, {}))
    a, b, border = figure.data
    assert (a.x[0], a.x[0] + b.x[0]) == (64, 100)
    assert border.x[0] - border.error_x.arrayminus[0] == pytest.approx(57)
    assert border.x[0] + border.error_x.array[0] == pytest.approx(70)


def test_what_spoke_for_a_is_on_the_left_and_the_strongest_on_top() -> None:
    figure = plots.contributions(Preference(0.6, 0.5, 0.7, {"likes": 0.5, "clarity": -0.7, "coherence": 0.001}))
    (bars,) = figure.data
    assert list(bars.y) == ["Coherence", "Likes", "Clarity"]
    assert list(bars.x) == [-0.001, -0.5, 0.7]
    assert list(bars.text) == ["neither", "A 0.50", "B 0.70"]


def test_figures_have_a_height_and_the_pages_background(comparison: Comparison) -> None:
    nothing = Preference(0.5, 0.5, 0.5, dict.fromkeys(KEYS, 0.0))
    for answer in (comparison.answer, nothing):
        for figure in (plots.probability(answer), plots.contributions(answer)):
            assert figure.layout.height
            assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, head: Head) -> str:
    """A data folder with the head that weighs coherence alone."""
    folder = tmp_path_factory.mktemp("data")
    save(head, folder / "preferences" / "pocket.json")
    return str(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, data: str) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"), APEX_DATA=data)


@pytest.fixture
def ask(server: Server) -> Iterator[Any]:
    """The public endpoint: two files and perhaps a judge in, the JSON out."""
    from gradio_client import Client, handle_file

    client = Client(server.url, verbose=False)

    def compare(a: Path, b: Path, *judge: str) -> Any:
        return client.predict(handle_file(a), handle_file(b), *judge, api_name="/compare")

    yield compare
    client.close()


def test_the_client_gets_an_answer_that_swaps_with_the_songs(ask: Any, comparison: Comparison) -> None:
    one, other = ask(GOOD, BAD), ask(BAD, GOOD, "pocket")
    assert one["probability"] == pytest.approx(comparison.answer.probability, abs=1e-6)
    assert one["probability"] + other["probability"] == 1
    assert (one["verdict"], other["verdict"]) == ("a", "b")
    assert one["a"]["scores"] == other["b"]["scores"]


def test_the_same_song_twice_is_a_half(ask: Any) -> None:
    answer = ask(GOOD, GOOD)
    assert (answer["low"], answer["probability"], answer["high"]) == (0.5, 0.5, 0.5)
    assert answer["same"]


def test_the_client_is_told_which_song_and_why(ask: Any, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear listener")
    for songs, side in (((letter, GOOD), "A"), ((GOOD, letter), "B"), ((letter, letter), "A")):
        with pytest.raises(Exception, match=f"Song {side}: .*not a sound file"):
            ask(*songs)
    with pytest.raises(Exception, match="APEX"):
        ask(GOOD, BAD, "apex")


def test_uploads_are_deleted_after_comparing(ask: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    ask(GOOD, BAD)
    with pytest.raises(Exception, match="empty"):
        ask(GOOD, tmp_path / "empty.wav")

    def nothing_left() -> None:
        assert not [path for path in server.uploads.rglob("*") if path.is_file()]

    _wait_for(nothing_left, seconds=GRACE_SECONDS + 5)


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Any]:  # noqa: F811
    with visits(browser, f"{server.url}/compare", "Compare") as open_page:
        yield open_page


def put(page: Any, side: str, song: Path) -> None:
    """Upload a song, in the place of another one."""
    player = page.locator(".block", has=page.get_by_text(f"Song {side}", exact=True)).last
    if player.get_by_role("button", name="Clear").count():
        player.get_by_role("button", name="Clear").click()
    player.locator("input[type=file]").set_input_files(song)
    player.get_by_label(PLAY).wait_for()


def compare(page: Any) -> str:
    """Press the button; the verdict."""
    for old in page.locator(".verdict").all():
        old.evaluate("verdict => verdict.dataset.old = true")
    page.get_by_role("button", name="Compare", exact=True).click()
    new = page.locator(".verdict:not([data-old])")
    new.wait_for(timeout=60_000)
    return str(new.inner_text())


@pytest.mark.slow
def test_two_songs_on_the_page_get_a_verdict_pictures_and_a_table(visit: Any) -> None:
    page = visit()
    put(page, "A", GOOD)
    put(page, "B", BAD)
    assert compare(page).startswith("A is preferred by about")
    for plot in ("#probability-plot", "#contributions-plot"):
        page.locator(f"{plot} .js-plotly-plot").wait_for()
    for caption in ("Scores side by side", "Measured, not predicted", "How good this preference head is"):
        assert page.locator("caption", has_text=caption).first.is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=JSON_LINK).click()
    assert json.loads(download.value.path().read_text())["verdict"] == "a"


@pytest.mark.slow
def test_deleted_uploads_can_still_be_swapped_and_compared_with_another_song(visit: Any, server: Server) -> None:
    page = visit()
    put(page, "A", GOOD)
    put(page, "B", BAD)
    first = compare(page)
    _wait_for(lambda: _empty(server.uploads), seconds=GRACE_SECONDS + 5)
    page.get_by_role("button", name="Swap").click()
    page.locator(".verdict", has_text="B is preferred").wait_for()
    assert page.locator(".verdict").inner_text() == first.replace("A is", "B is")
    assert page.locator(".songs").inner_text().split() == ["A", BAD.name, "B", GOOD.name]
    put(page, "A", EXAMPLES / "folk.ogg")
    compare(page)
    assert page.locator(".songs").inner_text().split() == ["A", "folk.ogg", "B", GOOD.name]


def _empty(folder: Path) -> None:
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_an_example_is_compared_with_itself(visit: Any) -> None:
    page = visit()
    for row in page.locator(".examples").all():
        row.get_by_role("button", name="House").click()
    page.get_by_label(PLAY).nth(1).wait_for()
    assert compare(page) == "The same song: 50 of 100 listeners"


@pytest.mark.slow
def test_the_page_says_which_song_is_missing(visit: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Choose Song B first.").wait_for()
    page.locator(".examples").last.get_by_role("button", name="House").click()
    page.get_by_label(PLAY).wait_for()
    page.get_by_role("button", name="Swap").click()
    page.get_by_text("Choose Song A first.").wait_for(state="detached")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Choose Song B first.").wait_for()
    assert page.get_by_text("Choose Song A first.").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(visit: Any, width: int) -> None:
    page = visit(viewport={"width": width, "height": 844})
    for row, song in zip(page.locator(".examples").all(), ("House", "Bossa nova"), strict=True):
        row.get_by_role("button", name=song).click()
    page.get_by_label(PLAY).nth(1).wait_for()
    compare(page)
    page.locator("#contributions-plot .js-plotly-plot").wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_a_judge_without_a_head_answers_through_pockets(full_weights: Path, data: str, tmp_path: Path) -> None:
    for running in start(tmp_path, APEX_WEIGHTS=str(full_weights), APEX_DATA=data):
        found = when_ready(running.url)
        assert (found["judge"], found["head"]["judge"], found["fallback"]) == ("apex", "pocket", True)
        assert found["verdict"] == "a"
        assert found["a"]["judge"] == found["b"]["judge"] == "apex"


def when_ready(url: str) -> Any:
    """APEX's answer, as soon as it is loaded."""
    from gradio_client import Client, handle_file

    client, found = Client(url, verbose=False), []

    def ask() -> None:
        try:
            found.append(client.predict(handle_file(GOOD), handle_file(BAD), "apex", api_name="/compare"))
        except Exception as error:
            raise AssertionError("APEX is not ready yet") from error

    _wait_for(ask, seconds=120)
    client.close()
    return found[0]


@pytest.mark.slow
def test_songs_of_the_pool_can_be_picked(browser: Any, data: str, tmp_path: Path) -> None:  # noqa: F811
    pool = tmp_path / "pool"
    pool.mkdir()
    for song in (GOOD, BAD):
        shutil.copy(song, pool)
    (pool / "songs.csv").write_text(f"file,title,generator\n{GOOD.name},Neon,One\n{BAD.name},Shards,Two\n")
    for server in start(tmp_path, APEX_DATA=data, APEX_POOL=str(pool)):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{server.url}/compare")
            for number, title in enumerate(("Neon", "Shards")):
                listing = page.get_by_label("A song of the arena").nth(number)
                _wait_for(partial(pick, page, listing, title), seconds=20)
            page.get_by_label(PLAY).nth(1).wait_for()
            assert compare(page).startswith("A is preferred by about")
            assert page.locator(".songs").inner_text().split() == ["A", GOOD.name, "B", BAD.name]


def pick(page: Any, listing: Any, title: str) -> None:
    """Choose a song of the arena, once it is ready."""
    listing.blur()
    listing.click()
    page.wait_for_timeout(500)
    options = page.get_by_role("option", name=title)
    assert options.count() == 1
    options.click()


@pytest.mark.slow
def test_the_panel_compares_on_the_page(panel_weights: Path, browser: Any, data: str, tmp_path: Path) -> None:  # noqa: F811
    for own in start(tmp_path, APEX_WEIGHTS=str(panel_weights), APEX_DATA=data):
        with browser.new_context(viewport={"width": 390, "height": 844}) as context:
            page = context.new_page()
            page.goto(f"{own.url}/compare")
            page.get_by_role("button", name="Compare", exact=True).wait_for()
            page.get_by_label("The panel: all of them").check()
            put(page, "A", GOOD)
            put(page, "B", BAD)
            first = compare(page)
            assert first.startswith("Pocket: A is preferred by about")
            assert page.get_by_text("SongEval, HEAR 1, HEAR 2: no preference head was fitted").is_visible()
            assert page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
            page.locator("#probability-plot .js-plotly-plot").wait_for()
            assert page.locator("caption", has_text="Score of A less that of B").is_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            with page.expect_download() as download:
                page.get_by_role("link", name=JSON_LINK).click()
            answer = json.loads(download.value.path().read_text())
            assert list(answer["answers"]) == ["pocket"]
            assert set(answer["without"]) == {"songeval", "hear-1", "hear-2"}
            _wait_for(partial(_empty, own.uploads), seconds=GRACE_SECONDS + 5)
            page.get_by_role("button", name="Swap").click()
            page.locator(".verdict", has_text="B is preferred").wait_for()
            assert page.locator(".verdict").inner_text() == first.replace("A is", "B is")
            put(page, "A", EXAMPLES / "folk.ogg")
            compare(page)
            assert page.locator(".songs").inner_text().split() == ["A", "folk.ogg", "B", GOOD.name]


def test_the_panels_answer_over_http_names_who_cannot_answer(ask: Any) -> None:
    answer = ask(GOOD, BAD, "panel")
    assert list(answer["answers"]) == ["pocket"]
    assert {"apex", "banger", "songeval"} <= set(answer["absent"])
    assert answer["a"]["reports"][0]["file"] == GOOD.name


def test_a_song_of_the_panel_that_cannot_be_heard_is_named(ask: Any, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear listener")
    with pytest.raises(Exception, match=r"Song B: .*not a sound file"):
        ask(GOOD, letter, "panel")
