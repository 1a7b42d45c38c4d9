"""Every page with content, in light and dark, wide and narrow: axe's findings, the keyboard, labels, tables, width."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import FILE, VoteStore
from helpers.browser import compare, overflow, rank, rank_by, upload_side, wait_for_report
from helpers.listener import Listener
from helpers.paths import ROOT
from helpers.results import HERE, report
from helpers.server import Running
from helpers.songs import short

AXE = ROOT / ".venv" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS = {"light": (WIDE, False), "dark": (WIDE, True), "narrow": (NARROW, False)}
SETTLED_MS = 300
"""Pictures are drawn anew when a page changes its look."""
AT_ONCE = "*, *::before, *::after { transition: none !important; animation: none !important }"
ADD_SHEET = """rules => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets.push(sheet);
}"""
"""Unlike an element it is not blocked by the page's Content-Security-Policy."""
MAX_STOPS = 300
"""Of the Tab key on one page; none has as many."""
ROLES = "button|link|textbox|searchbox|combobox|radio|checkbox|spinbutton|slider|tab"
NAMED = re.compile(rf'^ *- \'?({ROLES})\b(?: "((?:[^"\\]|\\.)*)")?', re.MULTILINE)
"""A control in Playwright's text of what the accessibility tree holds."""
KEYBOARD = """() => {
  document.activeElement.blur();
  const CONTROLS = "a[href], button, input, select, textarea, summary, audio[controls], [tabindex='0']";
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length;
  const look = (element) => [element, element.closest("label") ?? element]
    .map((each) => getComputedStyle(each)).map(({ outline, boxShadow }) => outline + boxShadow).join();
  const left = new Map([...document.querySelectorAll(CONTROLS)]
    .filter((element) => shown(element) && !element.disabled).map((element) => [element, look(element)]));
  window.stop = () => {
    const at = document.activeElement;
    if (at === document.body) return "end";
    const before = left.get(at);
    left.delete(at);
    return before === look(at) ? "unseen: " + at.outerHTML.slice(0, 200) : "";
  };
  window.missed = () => [...left.keys()].map((element) => element.outerHTML.slice(0, 200));
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
"""From the top of the page: what the Tab key has not come to yet, and whether it shows where it is."""


def scored(page: Any) -> None:
    page.get_by_role("button", name="House", exact=True).click()
    wait_for_report(page)
    page.get_by_role("button", name="Bossa nova", exact=True).click()
    page.locator(".against").wait_for()
    page.locator("#timeline-plot .js-plotly-plot").wait_for()
    page.get_by_role("button", name="Get a link").wait_for()
    page.locator(".result details").evaluate_all("all => all.forEach((each) => (each.open = true))")


def ranked(page: Any) -> None:
    page.get_by_role("button", name="Take the example songs").click()
    page.locator("#songs .file-preview").wait_for()
    rank_by(page, "Musicality")  # has an error, so that some songs cannot be told apart
    rank(page)
    page.locator("#spread-plot .js-plotly-plot").wait_for()
    page.locator("#ranked tbody button").first.click()
    page.get_by_role("button", name="Hear these songs blind").click()


def empty(page: Any) -> None:
    page.locator("#song-b .upload-container").wait_for()


def compared(page: Any) -> None:
    page.get_by_role("button", name="Compare", exact=True).wait_for()
    page.locator(".examples").first.get_by_role("button", name="House").click()
    upload_side(page, "B", short("bossa.ogg"))  # is not as loud
    compare(page)
    page.locator("#level input").wait_for()
    page.locator("#contributions-plot .js-plotly-plot").wait_for()


def drawn(page: Any) -> None:
    page.locator("#battle .status", has_text="Play both songs").wait_for(timeout=60_000)


def voted(page: Any) -> None:
    drawn(page)
    listener = Listener(page)
    listener.listen()
    page.keyboard.press("b")
    listener.status("You preferred B.")


def listed(page: Any) -> None:
    page.locator("caption", has_text="Calibration").scroll_into_view_if_needed(timeout=60_000)
    page.locator("#calibration-plot .js-plotly-plot").wait_for()


def told(page: Any) -> None:
    page.locator("th", has_text="Pocket").first.wait_for()
    page.get_by_role("button", name="Pocket: model card").click()
    page.get_by_role("heading", name="What it learned from").wait_for()


def stored(page: Any) -> None:
    page.get_by_text("Delete this result").click()


STATES: dict[str, tuple[str, Callable[[Any], None]]] = {
    "score": ("/", scored),
    "rank": ("/rank", ranked),
    "empty": ("/compare", empty),
    "compare": ("/compare", compared),
    "battle": ("/arena", drawn),
    "vote": ("/arena", voted),
    "leaderboard": ("/leaderboard", listed),
    "about": ("/about", told),
    "result": ("/r/", stored),
}
DAILY = ("score", "vote", "leaderboard")


def looked_at(*states: str) -> list[Any]:
    """The states as parameters: all but DAILY ones are thorough."""
    return [state if state in DAILY else pytest.param(state, marks=pytest.mark.thorough) for state in states]


with_pictures = pytest.mark.parametrize("opened", looked_at("score", "rank", "compare", "leaderboard"), indirect=True)


@pytest.fixture(scope="module")
def result(data: Path) -> str:
    """The number of a result that was shared."""
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        return SharedResults(store, AddressHasher("salt"), 100).add([report()], "Glass Morning", HERE).id


@pytest.fixture(scope="module")
def page_at(server: Running, browser: Any, result: str) -> Iterator[Callable[[str], Any]]:
    """The page at a path as the state before left it, if that was of the same path, or else a new one."""
    pages: dict[str, Any] = {}

    def open_page(path: str) -> Any:
        if path not in pages:
            close()
            page = pages[path] = browser.contexts[0].new_page()
            page.set_viewport_size(WIDE)
            page.goto(server.url + path + (result if path == "/r/" else "?__theme=light"))
            page.evaluate(ADD_SHEET, AT_ONCE)
        return pages[path]

    def close() -> None:
        while pages:
            pages.popitem()[1].close()

    yield open_page
    close()


@pytest.fixture(scope="module", params=looked_at(*STATES))
def opened(request: pytest.FixtureRequest, page_at: Callable[[str], Any]) -> Callable[..., Any]:
    """A page in each of the states, one after the other, to be had in one of the looks."""
    if not AXE.is_file():
        pytest.skip("no axe-core beside this Python: tests/check installs it")
    path, fill = STATES[request.param]
    page = page_at(path)

    def look_at(look: str = "light") -> Any:
        size, dark = LOOKS[look]
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(SETTLED_MS)
        return page

    fill(look_at())
    return look_at


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_and_nothing_overflows(opened: Any, look: str) -> None:
    page = opened(look)
    assert overflow(page) <= 0
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)")
    assert not [
        (each["id"], node["target"], node["failureSummary"])
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def test_the_tab_key_comes_to_every_control_and_shows_where_it_is(opened: Any) -> None:
    page = opened()
    page.evaluate(KEYBOARD)
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        said = page.evaluate("stop()")
        if said == "end":
            break
        assert not said
    assert page.evaluate("missed()") == []


def test_every_control_has_a_name_of_its_own(opened: Any) -> None:
    names = Counter(NAMED.findall(opened().locator("body").aria_snapshot()))
    assert len(names) > 1
    assert [named for named, count in names.items() if count > 1 or not named[1]] == []
    assert [name for _, name in names if re.search(r"\d\.\d\d", name)] == []


@with_pictures
def test_every_picture_has_its_table(opened: Any) -> None:
    order = opened().evaluate(
        "[...document.querySelectorAll('.js-plotly-plot, table')].filter(e => e.checkVisibility()).map(e => e.tagName)"
    )
    pictures = [tag for tag in order if tag != "TABLE"]
    assert len(pictures) >= 2
    assert order.count("TABLE") >= len(pictures)
    assert order[-1] == "TABLE"
