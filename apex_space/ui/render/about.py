"""Renders the contents of the About page as HTML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from html import escape
from itertools import count
from pathlib import Path

from markdown_it import MarkdownIt

from ...audio.damage import KINDS
from ...core.axes import BY_KEY
from ...core.i18n import tr, translate
from ...core.settings import Settings
from ...core.text import minus
from ...evaluation.profile import Check, Profile
from ...evaluation.published import PMQD_ORIGINAL
from ...judges.registry import REGISTRY, JudgeEntry
from ...judges.verified import describe, licence, summary
from ...models.hub import Weights
from ...plots import robustness as plots
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
    rows = ((entry.title, *map(translate, _about(name, loaded.get(name)))) for name, entry in registry.items())
    return table(tr("Judges"), head, rows, "wide texts")


def _about(name: str, loaded: Sequence[Weights] | None) -> Cells:
    return summary(name, loaded), licence(name, loaded), describe(name, loaded)


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


def robustness(profile: Profile) -> str:
    """Return what each kind of damage does to the score that ought to notice it, and what listeners say of some."""
    texts = (
        tr(
            "{songs} of our example songs were damaged in {kinds} ways, each in five steps, and scored again. Each "
            "picture shows the score that ought to notice.",
            songs=len(profile.songs),
            kinds=len(KINDS),
        ),
        *map(tr, plots.LEGEND),
        tr(
            "A song counts as noticed if its score falls by more than the noise floor. That is what 95% of changes do "
            "not exceed that nobody hears, such as 3 dB less, 0.2 s cut off or a good MP3."
        ),
    )
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in texts)
    pictures = "".join(_damages(profile, key) for key in BY_KEY if any(kind.axis == key for kind in KINDS))
    return paragraphs + pictures + _directions(profile) + (_check(profile.check) if profile.check else "")


def _damages(profile: Profile, axis: str) -> str:
    """Return the pictures of the kinds of damage that one score ought to notice."""
    pictures = "".join(plots.damage(profile, kind) for kind in KINDS if kind.axis == axis)
    return f'<h3>{escape(translate(BY_KEY[axis].label))}</h3><div class="damages">{pictures}</div>'


def _directions(profile: Profile) -> str:
    """Return a table of how many kinds of damage lower each score at their worst, and how many raise it."""
    rows: list[Cells] = []
    for axis in profile.floors:
        worst = [row.change[-1] for row in profile.responses if row.axis == axis]
        falls, rises = sum(change.high < 0 for change in worst), sum(change.low > 0 for change in worst)
        rows.append((translate(BY_KEY[axis].label), str(falls), str(rises), str(len(worst) - falls - rises)))
    head = (tr("Score"), tr("Falls"), tr("Rises"), tr("Too close to tell"))
    return table(
        tr("How many kinds of damage move a score at their worst; none should raise it"), head, rows, "compact"
    )


def _check(check: Check) -> str:
    """Return a table of listeners' ratings of damaged music beside the changes of a score."""
    score = translate(BY_KEY[check.axis].label)
    rows = (
        (
            translate(plots.LABELS[row.kind]),
            f"{row.ratings[-1]:.2f}",
            minus(f"{row.ratings[-1] - PMQD_ORIGINAL:+.2f}"),
            minus(f"{row.change[-1].value:+.2f}"),
        )
        for row in sorted(check.rows, key=lambda row: row.ratings[-1])
    )
    head = (tr("Damage"), tr("Listeners’ mean, 1 to 5"), tr("Below intact music"), tr("Change of {score}", score=score))
    note = tr(
        "Listeners rated the quality of other songs, with damage like this at 80 to 100% of its intensity (PMQD, arXiv "
        "2006.06287); intact music got {original}. Over all intensities, the rank correlation of their ratings with "
        "the score is {agreement} (95% interval {low} to {high}).",
        original=f"{PMQD_ORIGINAL:.2f}",
        **{n: minus(f"{v:.2f}") for n, v in zip(("agreement", "low", "high"), astuple(check.agreement), strict=True)},
    )
    return f"{table(tr('Beside real listeners'), head, rows, 'compact')}<p>{escape(note)}</p>"


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
