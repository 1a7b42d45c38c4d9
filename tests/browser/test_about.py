"""The About page in a real browser."""

from importlib.metadata import version
from typing import Any

from apex_space import __version__
from apex_space.judges.registry import REGISTRY
from apex_space.ui.pages.about import LIBRARIES


def test_the_page_names_judges_versions_and_cards(visit: Any) -> None:
    page = visit("/about")
    for judge in REGISTRY.values():
        page.locator("th", has_text=judge.title).first.wait_for()
    assert page.locator("td", has_text=__version__).count()
    for library in LIBRARIES:
        assert page.locator("tr", has_text=library).locator("td", has_text=version(library)).count()
    page.get_by_role("button", name="Pocket: model card").click()
    page.get_by_role("heading", name="What it learned from").wait_for()
