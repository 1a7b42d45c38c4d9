"""The language of answers to programs."""

import re

import httpx
import pytest

from helpers.server import Running

OPENED = (
    ("/", "en-US", "en"),
    ("/", "de-DE", "en"),
    ("/", "zh-CN", "zh-CN"),
    ("/", "zh-TW", "zh-CN"),
    ("/?lang=en", "zh-CN", "en"),
    ("/?lang=zh-CN", "en-US", "zh-CN"),
    ("/?lang=xx", "en-US", "en"),
    ("/zh-CN/", "en-US", "zh-CN"),
)


@pytest.mark.parametrize(("path", "wish", "tag"), OPENED)
def test_the_address_or_else_the_browser_says_which_language(server: Running, path: str, wish: str, tag: str) -> None:
    page = httpx.get(f"{server.url}{path}", headers={"accept-language": wish}, follow_redirects=True).text
    assert re.findall(r'<html\s+lang="([\w-]+)"', page) == [tag]
    assert ("评分" in page) == (tag == "zh-CN")


def test_programs_are_answered_in_english(server: Running) -> None:
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
