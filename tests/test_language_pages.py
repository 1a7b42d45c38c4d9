"""The pages in Chinese: nothing that is seen on them is English but names."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from html import unescape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from test_page import EXAMPLES, Server, browser, start, upload  # noqa: F401
from visiting import visits

from apex_space import __version__
from apex_space.judges import Progress, load_judge
from apex_space.language import speaking
from apex_space.panel import Panel, duel
from apex_space.roster import Loading
from apex_space.ui import render
from apex_space.ui.about import LIBRARIES, REFERENCES

NAMES = r"""APEX( Space)?|English|MERT-v1-(95|330)M|MERT|Pocket|Banger|SongEval|HEAR( [12])?|MuQ|MusicFM|arXiv|LUFS|
dBFS|k?Hz|MB|wav|flac|mp3|ogg|opus|m4a|webm|aiff|CSV|JSON|MCP|API|Gradio|Hub|ROC|Brier|House|davda54|David Samuel|MIT|
CC[- ]BY-NC(-SA)?([- ]4\.0)?|CC0|Apache-2\.0|GPL-3\.0|float32|bfloat16|sha256 \w+|[0-9a-f]{12}|apex_space\S+|[A-G][♯♭]?|
m-a-p/MERT-v1-95M|main|ConnectError|DIR(/MERT-v1-95M)?|--weights|APEX_WEIGHTS|[\d.]+x"""
"""What has no other name in Chinese, as alternatives of a regular expression."""
SEEN = """() => {
  for (const closed of document.querySelectorAll("details")) closed.open = true;
  const seen = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
  for (let node; (node = walker.nextNode()); ) {
    const parent = node.parentElement;
    if (!parent.closest("script, style, noscript") && seen(parent)) texts.push(node.data.trim());
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const node of document.querySelectorAll(`[${name}]`)) if (seen(node)) texts.push(node.getAttribute(name));
  return texts;
}"""


def english(page: Any, *names: str) -> list[str]:
    """What is seen on the page, or said of what is seen, that has Latin words beside NAMES and those given."""
    return latin(page.evaluate(SEEN), *names)


def latin(texts: Iterable[str], *names: str) -> list[str]:
    """Those of the texts that have Latin words beside NAMES and those given."""
    known = "|".join((*map(re.escape, names), NAMES)).replace("\n", "")
    known = re.compile(f"(?<![A-Za-z0-9_])({known})(?![A-Za-z0-9_])")
    return [text for text in texts if re.search("[A-Za-z]", known.sub("", text))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"))


@pytest.fixture
def chinese(browser: Any, server: Server) -> Iterator[Callable[[str, str], Any]]:  # noqa: F811
    """What opens the page at a path in Chinese and waits for its button."""
    with ExitStack() as stack:

        def open_page(path: str, button: str) -> Any:
            visit = stack.enter_context(visits(browser, f"{server.url}/{path}?lang=zh-CN", button))
            return visit(locale="zh-CN")

        yield open_page


def report(page: Any, *names: str) -> None:
    """Wait for what is offered to be downloaded, and hold the page to be Chinese."""
    page.locator(".downloads").first.wait_for(timeout=120_000)
    page.locator(".js-plotly-plot .xtick").first.wait_for()
    assert english(page, *names) == []


def silence(file: Path) -> Path:
    """A song that no judge hears."""
    soundfile.write(file, np.zeros(3 * 8000), 8000)
    return file


REASONS = (
    "as set",
    "this processor does not multiply bfloat16",
    "bfloat16 moved streams by 3.1% of its range on a trial clip",
    "on a trial clip no score moved by more than 0.12% of its range",
)
"""Why a judge has the precision that it has."""


@pytest.mark.parametrize("reason", REASONS)
def test_panel_and_duel(reason: str) -> None:
    judge = load_judge("pocket")
    a, b = judge(EXAMPLES / "folk.ogg"), judge(EXAMPLES / "waltz.ogg")
    missing = {"streams": "this APEX checkpoint was trained for popularity only"}
    missing |= {"memorability": "HEAR's track 1 was trained for musicality only"}
    scores = {key: score and 0.9 * score for key, score in a.scores.items()}
    apex = replace(a, judge="apex", scores=scores, missing=missing, spread={}, precision_reason=reason)
    panel = Panel((apex, a), {"songeval": "Busy: 3 songs wait. Try again in about 3 min."})
    both = duel(panel, Panel((replace(b, judge="apex"), b), {}))
    answers = replace(both, comparisons=tuple(replace(each, outdated=True) for each in 2 * both.comparisons))
    through = replace(both.comparisons[0], judge="apex", outdated=True)
    with speaking("zh-CN"):
        pages = [render.panel(panel), render.panel_tables(panel), render.panel_links(panel)]
        for each in (both, answers, replace(both, comparisons=())):
            pages += [render.duel(each), render.duel_tables(each), render.duel_links(each)]
        pages += [render.answer(through), render.details(through)]
        for step in (Loading("apex"), Loading("apex", 1, 2_000_000), Progress("apex", 9, 0.5, 3, None)):
            pages.append(render.under_way(step, rest=("", 120)))
        pages.append(render.under_way(Progress("apex", 0, 0, 3, None, 2)))
        pages.append(render.states({"apex": "is not available: KeyError while loading; see the server's log"}))
    texts = [unescape(text) for page in pages for text in re.findall(">([^<]+)<", page)]
    assert latin(texts, "folk.ogg", "waltz.ogg", "KeyError") == []


@pytest.mark.slow
def test_score(chinese: Callable[[str, str], Any]) -> None:
    page = chinese("", "评分")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert english(page) == []
    upload(page, EXAMPLES / "folk.ogg")
    report(page, "folk.ogg")
    page.get_by_role("button", name="获取链接").click()
    page.get_by_role("button", name="删除", exact=True).wait_for()
    link, key = (page.locator(f"{id} :is(input, textarea)").input_value() for id in ("#link", "#link-key"))
    assert english(page, "folk.ogg", link, key) == []
    page.goto(f"{link}?lang=zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert english(page) == []
    page.get_by_role("textbox").fill(key)
    page.get_by_role("button", name="删除", exact=True).click()
    page.get_by_role("heading", name="已删除").wait_for()
    assert english(page) == []


@pytest.mark.slow
def test_score_refuses(chinese: Callable[[str, str], Any], tmp_path: Path) -> None:
    page = chinese("", "评分")
    page.get_by_role("button", name="评分", exact=True).click()
    page.get_by_text("请先选择一首歌曲").first.wait_for()
    upload(page, silence(tmp_path / "silence.wav"))
    page.locator("p.error").wait_for()
    assert english(page, "silence.wav") == []


@pytest.mark.slow
def test_compare(chinese: Callable[[str, str], Any]) -> None:
    page = chinese("compare", "比较")
    assert english(page) == []
    for side, song in (("#song-a", "folk.ogg"), ("#song-b", "house.ogg")):
        page.locator(f"{side} input[type=file]").set_input_files(EXAMPLES / song)
        page.locator(side).get_by_test_id("waveform-controls").wait_for()
    page.get_by_role("button", name="比较", exact=True).click()
    report(page, "folk.ogg", "house.ogg")
    page.get_by_role("button", name="对调").click()
    page.locator(".turned").wait_for()
    assert english(page, "folk.ogg", "house.ogg") == []


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:  # noqa: F811
    """What opens the page at a path in a browser that speaks a language."""
    with ExitStack() as stack:

        def open_page(path: str, locale: str, button: str) -> Any:
            return stack.enter_context(visits(browser, f"{server.url}/{path}", button))(locale=locale)

        yield open_page


OPENED = (
    ("", "en-US", "en"),
    ("", "de-DE", "en"),
    ("", "zh-CN", "zh-CN"),
    ("", "zh-TW", "zh-CN"),
    ("?lang=en", "zh-CN", "en"),
    ("?lang=zh-CN", "en-US", "zh-CN"),
    ("?lang=xx", "en-US", "en"),
    ("zh-CN/", "en-US", "zh-CN"),
)
FRAME = {"en": ("Score", "Click to Upload", "Compare"), "zh-CN": ("评分", "点击上传", "比较")}
"""What the page says: a button of ours, a text of Gradio's, and the link to another page."""


@pytest.mark.slow
@pytest.mark.parametrize(("path", "locale", "tag"), OPENED)
def test_the_address_or_else_the_browser_says_which_language(
    visit: Callable[..., Any], path: str, locale: str, tag: str
) -> None:
    button, gradios, link = FRAME[tag]
    page = visit(path, locale, button)
    page.get_by_text(gradios).first.wait_for()
    page.get_by_role("link", name=link, exact=True).wait_for()
    assert page.locator("html").get_attribute("lang") == tag


@pytest.mark.slow
def test_links_lead_on_in_the_language_that_was_asked_for(visit: Callable[..., Any]) -> None:
    page = visit("?lang=zh-CN", "en-US", "评分")
    page.get_by_role("link", name="擂台", exact=True).click()
    page.wait_for_url("**/arena?lang=zh-CN")
    page.get_by_role("heading", name="你更喜欢哪一首").wait_for()
    page.locator("#languages").get_by_role("link", name="English").click()
    page.wait_for_url("**/arena?lang=en")
    page.get_by_role("heading", name="Which song do you prefer?").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.slow
def test_two_visitors_at_once_are_each_answered_in_their_language(visit: Callable[..., Any]) -> None:
    chinese, other = visit("?lang=zh-CN", "en-US", "评分"), visit("", "en-US", "Score")
    for page in (chinese, other):
        page.get_by_role("button", name=FRAME["zh-CN" if page is chinese else "en"][0], exact=True).click()
    chinese.get_by_text("请先选择一首歌曲").first.wait_for()
    other.get_by_text("Choose a song first").first.wait_for()
    for page in (chinese, other):
        upload(page, EXAMPLES / "house.ogg")
    for page, form in ((other, "Report as JSON"), (chinese, "JSON 报告")):
        page.get_by_role("link", name=form).wait_for(timeout=120_000)


@pytest.mark.slow
def test_programs_are_answered_in_english(server: Server) -> None:
    def get(path: str, language: str = "") -> str:
        wish = {"accept-language": language} if language else {}
        answer = httpx.get(f"{server.url}{path}", headers=wish)
        assert "accept-language" in answer.headers["vary"]
        return answer.text

    gone = "/arena/audio/nothing/a.mp3"
    assert "没有这场对决" in get(gone, "zh")
    assert "There is no such battle" in get(gone)
    assert "评分" in get("/config", "zh-CN,zh;q=0.9")
    assert "评分" not in get("/config")
    for language in ("zh", ""):
        assert not re.search("[\u4e00-\u9fff]", get("/gradio_api/info", language))


@pytest.mark.slow
def test_about_and_embed(chinese: Callable[[str, str], Any]) -> None:
    page = chinese("about", "嵌入 ▼")
    page.get_by_role("button", name="嵌入").click()
    page.locator("td", has_text=__version__).wait_for()
    repositories = [link.inner_text() for link in page.locator('a[href*="huggingface.co"]').all()]
    snippet = page.get_by_label("代码").input_value()
    names = ("BibTeX", "cookie", "apex-space", "Python", "iframe", "gradio-app", *LIBRARIES, *map(version, LIBRARIES))
    assert english(page, *names, *repositories, snippet) == [REFERENCES.read_text(encoding="utf-8").strip()]
