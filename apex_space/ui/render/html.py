"""HTML elements that all answers use. Every text from outside is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

import gradio as gr
import markupsafe

from ...core.errors import WeightsError
from ...core.i18n import tr, translate
from ...core.intervals import ConfidenceInterval
from ...core.text import minus

Cells = Sequence[str]


def table(caption: str, head: Cells, rows: Iterable[Cells], kind: str = "") -> str:
    """Return cells as a table that scrolls inside its own box. `kind` is a class of the style sheet.

    Cells are plain texts, or HTML if they are markupsafe.Markup.
    """
    columns = "".join(f'<th scope="col">{markupsafe.escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{markupsafe.escape(row[0])}</th>'
        + "".join(f"<td>{markupsafe.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    title = escape(caption)
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{title}"><table>'
        f"<caption>{title}</caption><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


Form = tuple[str, str, str, str | bytes]
"""A file that can be downloaded: label, ending of the file name, media type, content."""


def download_links(stem: str, forms: Iterable[Form]) -> str:
    """Return download links that contain the files themselves, so that no file stays on the server."""
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in stem)[:60] or "song"
    links = (
        f'<a class="download" download="{name}.{ending}" '
        f'href="data:{kind};base64,{_base64(content)}">{escape(label)}</a>'
        for label, ending, kind, content in forms
    )
    return f'<p class="downloads">{"".join(links)}</p>'


def _base64(content: str | bytes) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def progress(text: str, done: float, total: float) -> str:
    """Return a progress bar with its text. A `total` of 0 means that the end is not known."""
    value = f'value="{done:.1f}" max="{total:.1f}"' if total else ""
    return f'<div class="progress" role="status"><label>{escape(text)}<progress {value}></progress></label></div>'


NOTE = '<p class="note" role="status">{text}</p>'
"""The template of a line of plain text."""


def note(text: str, kind: str = "note") -> str:
    """Return a line of plain text."""
    return f'<p class="{kind}" role="status">{escape(text)}</p>'


def failed(error: gr.Error) -> str:
    """Return the message of an error, to show in place of a page's answer.

    Why weights cannot be used is folded away. It is for whoever runs the server.
    """
    shown = note(f"{error.title}{tr('. ')}{error.message}", "error")
    if isinstance(error.__cause__, WeightsError):
        shown += folded(tr("For whoever runs this server"), f"<p>{escape(translate(str(error.__cause__)))}</p>")
    return shown


def folded(summary: str, content: str, shown: bool = False) -> str:
    """Return HTML that is shown, or hidden if it is `shown` at first, when the plain text `summary` is pressed."""
    return f"<details{' open' if shown else ''}><summary>{escape(summary)}</summary>{content}</details>"


def percent(share: float) -> str:
    """Return a share as a percentage: 0.642 -> 64%."""
    return f"{100 * share:.0f}%"


def figure(estimate: ConfidenceInterval, form: str = "{:.0%}") -> tuple[str, str]:
    """Return a figure and its 95% interval as two cells. `form` is the format of the numbers."""
    value, low, high = (minus(form.format(number)) for number in (estimate.value, estimate.low, estimate.high))
    return value, span(low, high)


def span(low: str, high: str) -> str:
    """Return a range in words: `low` to `high`."""
    return f"{low}{tr(' to ')}{high}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list with "and" before the last one."""
    return tr(" and ").join(filter(None, (tr(", ").join(words[:-1]), *words[-1:])))


def labelled(name: str, text: str) -> str:
    """Return a name and a text with a colon between them."""
    return f"{name}{tr(': ')}{text}"
