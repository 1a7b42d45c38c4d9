"""The About page in a real browser."""

from importlib.metadata import version
from typing import Any

from apex_space import __version__
from apex_space.judges.registry import REGISTRY
from apex_space.ui.pages.about import LIBRARIES


def test_the_page_names_judges_versions_and_cards_and_references_can_be_copied(visit: Any) -> None:
    page = visit("/about", permissions=["clipboard-read", "clipboard-write"])
    for judge in REGISTRY.values():
        page.locator("th", has_text=judge.title).first.wait_for()
    assert page.locator("td", has_text=__version__).count()
    for library in LIBRARIES:
        assert page.locator("tr", has_text=library).locator("td", has_text=version(library)).count()
    page.get_by_role("button", name="Pocket: model card").click()
    page.get_by_role("heading", name="What it learned from").wait_for()

    page.get_by_role("button", name="Copy: The Banger Scorer").click()
    page.locator(".cite", has_text="The Banger Scorer").get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("@misc{banger,")

    # where that is not allowed, the text is selected instead
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy: Studying emotion").click()
    page.get_by_text("Selected: press").wait_for()
    assert page.evaluate("String(getSelection())").startswith("@article{emotify,")
