"""What the About page says -> HTML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import count

from markdown_it import MarkdownIt

from ...arena.voters import Action
from ...judges import Entry
from ...report import Weights
from ...settings import Settings
from .html import Row, table

ACTIONS: dict[Action, str] = {
    "battle": "Battles asked for from one address",
    "vote": "Votes from one address",
    "own": "Battles of one’s own songs from one address",
    "link": "Links from one address",
}


def judges(registry: Mapping[str, Entry], loaded: Mapping[str, Sequence[Weights]]) -> str:
    """What each judge is, the licence of its weights, and which they are where it is loaded."""
    rows = (
        (entry.title, entry.summary, entry.licence, "; ".join(f"{w.repository}, {w.revision}" for w in loaded[name]))
        if name in loaded
        else (entry.title, entry.summary, entry.licence, "not loaded")
        for name, entry in registry.items()
    )
    return table("Judges", ("Judge", "What it is", "Licence of the weights", "Weights in memory"), rows, "wide")


def models(config: Settings) -> str:
    """Each repository and revision that the settings ask for, with a link to its model card on the Hub."""
    asked = {
        getattr(config, name): (field.description, getattr(config, f"{name.removesuffix('_repo')}_revision"))
        for name, field in type(config).model_fields.items()
        if f"{name.removesuffix('_repo')}_revision" in type(config).model_fields and getattr(config, name)
    }
    items = (
        f'<li><a href="https://huggingface.co/{escape(id)}" target="_blank" rel="noopener">{escape(id)}</a> '
        f"at {escape(revision)}: {escape(str(what))}</li>"
        for id, (what, revision) in asked.items()
    )
    return f"<p>Their models have cards on the Hub:</p><ul>{''.join(items)}</ul>"


def card(markdown: str) -> str:
    """A model card as part of a page: headings below the page's, tables that scroll in boxes of their own."""
    tables = count(1)
    written = MarkdownIt("commonmark", {"html": False}).enable("table").render(re.sub("(?m)^#", "###", markdown))
    return re.sub(
        "<table>.*?</table>", lambda found: _scrolling(found[0], f"Table {next(tables)}"), written, flags=re.S
    )


def _scrolling(text: str, label: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{text}</div>'


def limits(config: Settings, rates: Mapping[Action, str], queues: Mapping[str, int]) -> str:
    """What is accepted, and how much of it; `queues`: who waits, and how many may."""
    rows: list[Row] = [
        ("Longest song", f"{config.max_minutes:g} minutes"),
        ("Largest file", f"{config.max_megabytes:g} MB"),
        *((who, f"{most} at most") for who, most in queues.items()),
        ("Results kept under links", f"{config.links:,}, the oldest is dropped first" if config.links else "none"),
        *((ACTIONS[action], _spoken(rate)) for action, rate in rates.items()),
    ]
    return table("Limits", ("What", "Limit"), rows, "compact")


def _spoken(rate: str) -> str:
    """30/minute;600/hour -> 30 a minute, 600 an hour."""
    return rate.replace("/hour", " an hour").replace("/", " a ").replace(";", ", ")


def references(bibtex: str) -> str:
    """References as they are to be pasted."""
    return _scrolling(f"<pre>{escape(bibtex)}</pre>", "References in BibTeX")


def versions(rows: Iterable[Row]) -> str:
    """The versions of what runs."""
    return table("Versions", ("What", "Version"), rows, "compact")
