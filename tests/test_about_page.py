"""The About page: every judge with its weights and licence, cards, limits, references and versions."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from test_page import Server, browser, start  # noqa: F401  # `browser` is a fixture

from apex_space import __version__
from apex_space.arena.voters import LIMITS
from apex_space.judges import REGISTRY, Entry, card
from apex_space.report import Weights
from apex_space.settings import Settings
from apex_space.ui.about import LIBRARIES, REFERENCES
from apex_space.ui.render import about as render

ENTRY = re.compile(r"@misc\{(\w+),\n(.*?)\n\}", re.DOTALL)


def test_every_judge_is_there_with_its_licence_and_what_is_loaded() -> None:
    shown = render.judges(REGISTRY, {"pocket": (Weights("shipped", "sha256 123"),)})
    for entry in REGISTRY.values():
        assert entry.title in shown
        assert entry.licence in shown
    assert "shipped, sha256 123" in shown
    assert shown.count("not loaded") == len(REGISTRY) - 1


def test_every_repository_has_its_card_and_revision() -> None:
    shown = render.models(Settings(mert_revision="v7", votes_repo="me/votes"))
    for id in ("m-a-p/MERT-v1-95M", "amaai-lab/apex", "treadon/banger-scorer", "minzwon/MusicFM", "earlab/EAR_HEAR"):
        assert f'href="https://huggingface.co/{id}"' in shown
    assert "m-a-p/MERT-v1-95M</a> at v7: " in shown
    assert "me/votes" not in shown


def test_what_a_setting_or_a_file_says_is_escaped() -> None:
    entry = Entry("<b>A</b>", "<i>", "pocket", "<u>")
    shown = render.judges({"pocket": entry}, {"pocket": (Weights('a/"><script>', "<1>"),)})
    assert "<script" not in shown
    assert not re.search("<[biu1]>", shown)
    assert "<script" not in render.models(Settings(head_repo='a"><script>'))
    assert "<pre>&lt;b&gt;" in render.references("<b>")


def test_limits_are_those_of_the_settings() -> None:
    shown = render.limits(Settings(max_minutes=7, max_megabytes=33, links=0), LIMITS, {"Songs that wait": 50})
    for text in ("7 minutes", "33 MB", "none", "50 at most", "30 a minute, 1500 a day", "600 an hour"):
        assert text in shown
    assert set(render.ACTIONS) == set(LIMITS)


def test_the_card_that_is_shipped_and_those_on_the_hub() -> None:
    assert str(card("pocket")).startswith("# The pocket judge")
    assert card("apex") is None
    shown = render.card("# A\n\n<b>\n\n## B\n\n|a|b|\n|-|-|\n|1|2|\n")
    assert "<h3>A</h3>" in shown
    assert "<h4>B</h4>" in shown
    assert "<b>" not in shown
    assert re.search(
        '<div class="scroll" tabindex="0" role="region" aria-label="Table 1"><table>.*</table></div>', shown, re.S
    )


def test_references_are_whole_and_name_the_papers_of_the_judges() -> None:
    text = REFERENCES.read_text(encoding="utf-8")
    entries = dict(ENTRY.findall(text))
    assert len(entries) == text.count("@")
    for fields in entries.values():
        found = re.findall(r"^  (\w+) += \{(.*?)\}(?:,\n|$)", fields, re.DOTALL | re.MULTILINE)
        assert [name for name, _ in found] == ["title", "author", "year", "eprint", "archivePrefix"]
        assert re.fullmatch(r"\d{4}\.\d{5}", dict(found)["eprint"])
    for judge in REGISTRY.values():
        for paper in re.findall(r"arXiv (\d{4}\.\d{5})", judge.summary):
            assert paper in text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"))


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page(server: Server, browser: Any, width: int) -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 844})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.url}/about")
    for judge in REGISTRY.values():
        page.locator("th", has_text=judge.title).first.wait_for()
    assert page.locator("td", has_text=__version__).count()
    for library in LIBRARIES:
        assert page.locator("tr", has_text=library).locator("td", has_text=version(library)).count()
    page.get_by_role("button", name="Pocket: model card").click()
    page.get_by_role("heading", name="What it learned from").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    page.close()
