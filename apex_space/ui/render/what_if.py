"""Renders the trials of changes on a song as HTML."""

from collections.abc import Iterable
from html import escape

import markupsafe

from ... import plots
from ...core.i18n import format_duration, tr, translate
from ...core.text import clock
from ...judges.judge import ScoringProgress
from ...judges.registry import REGISTRY
from ...judges.report import to_json
from ...judges.what_if import Effect, WhatIf, WhatIfProgress
from ...plots.what_if import signed
from .html import Cells, download_links, labelled, listed, percent, progress, table
from .judge_progress import judge_progress
from .report import moment

MEANING = (
    "The grey band is the noise floor: the furthest that changes which nobody should mind move a score, such as a "
    "start 0.1 s later. What moves a score further, the judge hears. The band comes from {n} changes only, so a dot "
    "just outside it may be chance. This says what a model reacts to, not that people would like the song better."
)
PARTS = (
    "The song’s score minus what it is when the song is scored without this part. Above 0, the part lifts the score. "
    "The grey band is the noise floor: the furthest that a start a little earlier or later, or a cut of 0.1 s, moves "
    "the score. Without a part, what is before and after it meets, which can move a score by itself. So trust what is "
    "far beyond the band, and compare parts with each other. Why a part lifts a score is not known."
)
MONO = "Judges hear the mean of left and right, so they cannot hear how wide a song is."


def what_if_progress(step: WhatIfProgress) -> str:
    """Return a progress bar that says which change is tried."""
    current = step.current
    if current is not None and (not step.title or (isinstance(current, ScoringProgress) and current.ahead)):
        return judge_progress(current, translate(step.title))
    left = tr(", {whose}{time} left", whose="", time=format_duration(step.left)) if step.left else ""
    title = labelled(REGISTRY[step.judge].title, translate(step.title) if step.title else tr("Decoding and measuring"))
    return progress(f"{title}{tr(', ')}{percent(step.share)}{left}", step.share, 1)


def what_if(result: WhatIf) -> str:
    """Return what the judge hears and ignores, the pictures, the tables, and what was left out."""
    if result.parts:
        return _parts(result)
    pictures = "".join(plots.what_if(result, axis) for axis in result.axes) if result.effects else ""
    head = (tr("Change"), *(translate(axis.label) for axis in result.axes), tr("Beyond the noise floor"))
    rows = [_floor(result), *(_row(result, effect) for effect in result.effects)]
    return (
        f"{_paragraphs(_summary(result))}"
        f'<div class="what-if">{pictures}</div>{_paragraphs([tr(MEANING, n=len(result.harmless))], "by")}'
        f"{table(tr('What each change does to the scores'), head, rows)}"
        f"{table(tr('Harmless changes'), head[:-1], [_row(result, each)[:-1] for each in result.harmless])}"
        f"{_left_out(result)}{_links(result)}"
    )


def _parts(result: WhatIf) -> str:
    """Return how much each part of the song carries: the pictures and the tables."""
    pictures = "".join(plots.parts(result, axis) for axis in result.axes)
    axes = tuple(translate(axis.label) for axis in result.axes)
    title, head = tr("How much each part carries"), (tr("Time"), *axes, tr("Beyond the noise floor"))
    rows = [(moment(*part, play=True), *_cells(result, effect, -1)) for part, effect in result.parts]
    harmless = [_row(result, each)[:-1] for each in result.harmless]
    return (
        f"{_paragraphs(_cut_short(result))}"
        f'<div class="what-if">{pictures}</div>{_paragraphs([tr(PARTS)], "by")}'
        f"{table(title, head, [_floor(result), *rows])}"
        f"{table(tr('Harmless changes'), (tr('Change'), *axes), harmless)}{_links(result)}"
    )


def _cut_short(result: WhatIf) -> Iterable[str]:
    if result.seconds < result.duration:
        yield tr("The song is long, so its first {time} were tried.", time=clock(result.seconds))


def _floor(result: WhatIf) -> Cells:
    floors = (f"±\u00a0{signed(axis, result.floor(axis)).lstrip('+')}" for axis in result.axes)
    return tr("Noise floor"), *floors, ""


def _summary(result: WhatIf) -> Iterable[str]:
    judge = REGISTRY[result.report.judge].title
    heard = [each for each in result.effects if result.heard(each)]
    ignored = [each for each in result.effects if not result.heard(each)]
    yield from _cut_short(result)
    if heard:
        yield f"{labelled(tr('{judge} hears', judge=judge), _titles(heard))}{tr('.')}"
    if ignored:
        yield f"{labelled(tr('{judge} ignores', judge=judge), _titles(ignored))}{tr('.')}"
    if any(each.name in ("narrower", "wider") for each in result.effects):
        yield tr(MONO)


def _titles(effects: Iterable[Effect]) -> str:
    return tr("; ").join(translate(each.title) for each in effects)


def _row(result: WhatIf, effect: Effect) -> Cells:
    title = translate(effect.title)
    name = f"{title} ({translate(effect.note)})" if effect.note else title
    return name, *_cells(result, effect)


def _cells(result: WhatIf, effect: Effect, sign: int = 1) -> Cells:
    """Return the differences times `sign`, bold beyond the noise floor, and the names of the scores that are."""
    heard = result.heard(effect)
    differences = (
        markupsafe.Markup("<b>{}</b>").format(text) if axis in heard else text
        for axis in result.axes
        if (text := signed(axis, sign * effect.differences[axis.key]))
    )
    return *differences, listed([translate(axis.label) for axis in heard]) or tr("nothing")


def _left_out(result: WhatIf) -> str:
    rows = [(translate(each.title), translate(each.reason)) for each in result.left_out]
    return table(tr("Left out"), (tr("Change"), tr("Reason")), rows) if rows else ""


def _links(result: WhatIf) -> str:
    forms = ((tr("What if, as JSON"), "what-if.json", "application/json", to_json(result.as_dict())),)
    return download_links(result.report.file.rsplit(".", 1)[0], forms)


def _paragraphs(texts: Iterable[str], kind: str = "") -> str:
    return "".join(f'<p class="{kind}">{escape(text)}</p>' for text in texts)
