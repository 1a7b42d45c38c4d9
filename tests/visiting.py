"""Opening a page in a browser, and holding it to say nothing in its console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def visits(browser: Any, address: str, button: str) -> Iterator[Callable[..., Any]]:
    """What opens the page at `address` in a context with the given options and waits for its `button`; at the end there
    must have been no error but refusals before the queue (status 422)."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(**options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.get_by_role("button", name=button, exact=True).wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if "422" not in text] == []
