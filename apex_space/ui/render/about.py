"""Renders the contents of the About page as HTML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import count
from pathlib import Path

from markdown_it import MarkdownIt

from ...core.i18n import tr, translate
from ...core.settings import Settings
from ...judges.registry import REGISTRY, JudgeEntry
from ...judges.verified import describe
from ...models.hub import Weights
from ...storage.rate_limits import Action
from .html import Cells, folded, labelled, table

ACTIONS: dict[Action, str] = {
    "battle": "Battles issued to one address",
    "vote": "Votes from one address",
    "uploaded": "Battles of uploaded songs from one address",
    "link": "Links from one address",
    "taste": "Looks at one’s own votes from one address",
    "friends": "Battles for friends from one address",
}
GROUPS = {"project": "This project", "judges": "The judges", "encoders": "The encoders", "data": "The data sets"}
"""Groups of the references, and their headings."""
PERIODS = {"minute": "{n} a minute", "hour": "{n} an hour", "day": "{n} a day"}


def judges(registry: Mapping[str, JudgeEntry], loaded: Mapping[str, Sequence[Weights]]) -> str:
    """Return a table of what each judge is, the licence of its weights, and whether it was verified.

    `loaded` has the weights of the judges that are in memory.
    """
    head = tr("Judge"), tr("What it is"), tr("Licence of the weights"), tr("Verified")
    rows = (
        (entry.title, translate(entry.summary), translate(entry.licence), translate(describe(name, loaded.get(name))))
        for name, entry in registry.items()
    )
    return table(tr("Judges"), head, rows, "wide texts")


def weights(config: Settings, loaded: Mapping[str, Sequence[Weights]]) -> str:
    """Return, folded away, the models that are asked for and the weights of the `loaded` judges, by their names."""
    rows = (
        (REGISTRY[name].title, "; ".join(f"{each.repository}, {translate(each.revision)}" for each in given))
        for name, given in loaded.items()
    )
    in_memory = table(tr("Weights in memory"), (tr("Judge"), tr("Weights")), rows, "wide")
    return folded(tr("Weights and their revisions"), models(config) + in_memory)


def models(config: Settings) -> str:
    """Return each repository and revision in the settings, with a link to its model card on the Hub.

    A folder on this disk that is named instead of a repository is left out.
    """
    asked = {
        getattr(config, name): (field.description, getattr(config, f"{name.removesuffix('_repo')}_revision"))
        for name, field in type(config).model_fields.items()
        if f"{name.removesuffix('_repo')}_revision" in type(config).model_fields and getattr(config, name)
        if not Path(getattr(config, name)).is_dir()
    }
    items = (
        f'<li><a href="https://huggingface.co/{escape(id)}" target="_blank" rel="noopener">{escape(id)}</a>'
        f"{tr(' at ')}{escape(labelled(revision, translate(str(what))))}</li>"
        for id, (what, revision) in asked.items()
    )
    return f"<p>{tr('Their models have cards on the Hub:')}</p><ul>{''.join(items)}</ul>"


def card(markdown: str, language: str) -> str:
    """Return a model card in a `language` as part of a page.

    Its headings are on a lower level than the page's, its tables are in boxes that scroll, and a corner without a text
    is not a heading.
    """
    tables = count(1)
    written = (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .render(re.sub("(?m)^#", "###", markdown))
        .replace("<th></th>", "<td></td>")
    )
    scrolling = re.sub(
        "<table>.*?</table>", lambda found: _scrolling(found[0], tr("Table {n}", n=next(tables))), written, flags=re.S
    )
    return f'<div lang="{language}">{scrolling}</div>'


def _scrolling(text: str, label: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{text}</div>'


def limits(config: Settings, rates: Mapping[Action, str], queues: Mapping[str, int]) -> str:
    """Return a table of what is accepted, and how much of it. `queues`: what waits -> how many may wait."""
    rows: list[Cells] = [
        (tr("Longest song"), tr("{n} minutes", n=f"{config.max_minutes:g}")),
        (tr("Largest file"), f"{config.max_megabytes:g} MB"),
        *((who, tr("{n} at most", n=most)) for who, most in queues.items()),
        (
            tr("Results kept under links"),
            tr("{n}, the oldest is dropped first", n=f"{config.shared_results:,}")
            if config.shared_results
            else tr("none"),
        ),
        (
            tr("Battles for friends"),
            tr("{n}, each for {hours} hours", n=f"{config.friend_battles:,}", hours=f"{config.friend_hours:g}")
            if config.friend_battles
            else tr("none"),
        ),
        *((translate(ACTIONS[action]), _spoken(rate)) for action, rate in rates.items()),
    ]
    return table(tr("Limits"), (tr("What"), tr("Limit")), rows, "compact")


def _spoken(rate: str) -> str:
    """Return a rate limit in words: 30/minute;600/hour -> 30 a minute, 600 an hour."""
    given = (each.split("/") for each in rate.split(";"))
    return tr(", ").join(tr(PERIODS[period], n=n) for n, period in given)


def references(bibtex: str) -> str:
    """Return the references in BibTeX, each with a button for cite.js. Comments in it name groups of GROUPS."""
    parts = (part.strip() for part in bibtex.split("\n\n"))
    return "".join(
        f"<h3>{tr(GROUPS[part.removeprefix('% ')])}</h3>" if part.startswith("% ") else _reference(part)
        for part in parts
    )


def _reference(entry: str) -> str:
    found = re.search(r"title += \{(.*?)\},?$", entry, re.MULTILINE)
    title = re.sub("[{}]", "", found[1]) if found else ""
    label = escape(labelled(tr("Copy"), title))
    return (
        f'<figure class="cite"><figcaption lang="en">{escape(title)}</figcaption>'
        f"{_scrolling(f'<pre>{escape(entry)}</pre>', escape(title or tr('References in BibTeX')))}"
        f'<button type="button" aria-label="{label}">{tr("Copy")}</button> <span role="status"></span></figure>'
    )


def versions(rows: Iterable[Cells]) -> str:
    """Return a table of the versions of the software that runs."""
    return table(tr("Versions"), (tr("What"), tr("Version")), rows, "compact")
