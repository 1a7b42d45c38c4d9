"""Score, Compare, About and Embed in Chinese, and which language a page has."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from apex_space import __version__
from apex_space.ui.pages.about import LIBRARIES
from apex_space.ui.static_files import read_static
from helpers.browser import print_report, upload
from helpers.chinese import english
from helpers.melodies import write_silence
from helpers.server import Running
from helpers.songs import short


def report(page: Any, *names: str) -> None:
    """Wait for what is offered to be downloaded, and hold the page to be Chinese."""
    page.locator(".downloads").first.wait_for(timeout=120_000)
    page.locator(".js-plotly-plot .xtick:visible").first.wait_for()
    assert english(page, *names) == []


def test_score_while_another_visitor_is_answered_in_english(chinese: Any, visit: Any, tmp_path: Path) -> None:
    page, other = chinese("/", "评分"), visit("/", "Score")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert english(page) == []
    for each, tag in ((page, "zh-CN"), (other, "en")):
        each.get_by_role("button", name=FRAME[tag][0], exact=True).click()
    page.get_by_text("请先选择一首歌曲").first.wait_for()
    other.get_by_text("Choose a song first").first.wait_for()
    silence = write_silence(tmp_path / "silence.wav")
    upload(page, silence)
    page.locator("p.error").wait_for()
    assert english(page, "silence.wav") == []
    page.locator("#song").get_by_role("button", name="清除").click()
    upload(other, silence)
    upload(page, short("folk.ogg"))
    assert "silent" in other.locator("p.error").inner_text(timeout=60_000)
    report(page, "folk.ogg")
    printed = print_report(page, "可打印的报告")
    assert english(printed, "folk.ogg", __version__, page.evaluate("location.origin")) == []
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


@pytest.mark.thorough
def test_compare(chinese: Any) -> None:
    page = chinese("/compare", "比较")
    assert english(page) == []
    for side, song in (("#song-a", "folk.ogg"), ("#song-b", "house.ogg")):
        page.locator(f"{side} input[type=file]").set_input_files(short(song))
        page.locator(side).get_by_test_id("waveform-controls").wait_for()
    page.get_by_role("button", name="比较", exact=True).click()
    report(page, "folk.ogg", "house.ogg", "simulated")
    page.get_by_role("button", name="对调").click()
    page.locator(".turned").wait_for()
    assert english(page, "folk.ogg", "house.ogg", "simulated") == []


FRAME = {"en": ("Score", "Click to Upload", "Compare"), "zh-CN": ("评分", "点击上传", "比较")}
"""What the page says: a button of ours, a text of Gradio's, and the link to another page."""


@pytest.mark.thorough
def test_the_address_or_else_the_browser_says_which_language(visit: Any, server: Running) -> None:
    """test_language.py has more of them."""
    page = visit("/", locale="zh-TW")
    speaks(page, "zh-CN")
    page.goto(f"{server.url}/?lang=en")
    speaks(page, "en")
    speaks(visit("/zh-CN/"), "zh-CN")  # the profile's browser asks for English


def speaks(page: Any, tag: str) -> None:
    """Hold the page to be in this language."""
    button, gradios, link = FRAME[tag]
    page.get_by_role("button", name=button, exact=True).wait_for()
    page.get_by_text(gradios).first.wait_for()
    page.get_by_role("link", name=link, exact=True).wait_for()
    assert page.locator("html").get_attribute("lang") == tag


def test_links_lead_on_in_the_language_that_was_asked_for(visit: Any) -> None:
    page = visit("/?lang=zh-CN", "评分")
    page.get_by_role("link", name="擂台", exact=True).click()
    page.wait_for_url("**/arena?lang=zh-CN")
    page.get_by_role("heading", name="你更喜欢哪一首").wait_for()
    page.locator("#languages").get_by_role("link", name="English").click()
    page.wait_for_url("**/arena?lang=en")
    page.get_by_role("heading", name="Which song do you prefer?").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"


def test_about_and_embed(chinese: Any) -> None:
    page = chinese("/about", "嵌入 ▼")
    page.get_by_role("button", name="嵌入").click()
    page.locator("td", has_text=__version__).wait_for()
    model_card = page.get_by_role("button", name="Pocket：模型卡")
    model_card.click()
    page.locator("div[lang=zh-CN]").get_by_role("heading", name="学习数据").wait_for()
    model_card.click()  # it has names and codes; a unit test looks at it
    repositories = page.locator('a[href*="huggingface.co"]').all_text_contents()
    snippet = page.get_by_label("代码").input_value()
    names = ("BibTeX", "cookie", "apex-space", "Python", "iframe", "gradio-app", "verify")
    names += (*LIBRARIES, *map(version, LIBRARIES))
    references = without_braces(read_static("references.bib"))
    found = [without_braces(text).removeprefix("复制：") for text in english(page, *names, *repositories, snippet)]
    assert len(found) > references.count("@")
    assert [text for text in found if text not in references] == []


def without_braces(text: str) -> str:
    return re.sub("[{}]", "", text)
