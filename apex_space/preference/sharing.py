"""Publishes preference heads in a repository on the Hub, with a card for people."""

from collections.abc import Mapping
from pathlib import Path

from ..core.errors import PreferenceError, WeightsError
from ..core.text import sanitize
from ..judges.registry import REGISTRY
from ..models.hub import commit_files, fetch_files, files_of
from .head import PreferenceHead
from .head_files import MAX_BYTES, file_name, read_shared

CARD = "README.md"
MARK = "<!-- apex-space publish-preference writes this card, and will write it again. -->"
"""A line of each card. A card without it is somebody else's, and stays as it is."""
LONGEST = 500
"""Maximum length of a text in a card, in characters."""


def publish(repository: str, head: PreferenceHead, licence: str) -> tuple[str, bool]:
    """Add a head to a repository, or replace the one of the same judge. Return the commit's address.

    Also return whether the repository's card was written; one of somebody else's stays. A missing repository is created
    as a private one. Raises PreferenceError.
    """
    try:
        there = files_of(repository)
        commit, names = there or (None, frozenset())
        heads, ours = _published(repository, commit, names)
        contents = {file_name(head.judge): head.to_json()}
        if ours:
            contents[CARD] = card(repository, {**heads, head.judge: head}, licence)
        return commit_files(repository, contents, f"The preference head of {head.judge}", commit), ours
    except (ConnectionError, WeightsError) as error:
        raise PreferenceError(
            "Nothing is published in {repository}: {reason}. HF_TOKEN must be that of someone who may write there.",
            repository=repository,
            reason=error,
        ) from error


def _published(repository: str, commit: str | None, names: frozenset[str]) -> tuple[dict[str, PreferenceHead], bool]:
    """Return the heads that a repository has, and whether its card may be written."""
    known = sorted(names & {CARD, *map(file_name, REGISTRY)})
    if commit is None or not known:
        return {}, True
    folder, _ = fetch_files(repository, commit, known, MAX_BYTES)
    heads = {judge: read_shared(folder / file_name(judge), judge) for judge in REGISTRY if file_name(judge) in known}
    return heads, CARD not in known or MARK in _text(folder / CARD)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def card(repository: str, heads: Mapping[str, PreferenceHead], licence: str) -> str:
    """Return a model card that says of each head what it was fitted to, and how good it is on songs held out."""
    parts = [_head(heads[judge]) for judge in REGISTRY if judge in heads]
    return f"""---
license: {licence}
tags: [music, preference, apex-space]
---
{MARK}

# Preference heads

They predict which of two songs people prefer, from the scores that judges of APEX Space give the songs. Each file is
one judge's head, as JSON. To use them, start the app with:

    APEX_PREFERENCE_REPO={repository}

`APEX_PREFERENCE_REVISION` names a branch, a tag or a commit. Judges without a head here keep the one that is shipped.
The heads were fitted with the command `fit-preference`. All figures are of songs held out, with 95% intervals.

{"".join(parts)}"""


def _head(head: PreferenceHead) -> str:
    metrics, told, alone = head.metrics, head.metrics.with_generators, head.metrics.generators_alone
    rows = {
        "accuracy of the scores alone (a coin: 0.5)": metrics.accuracy,
        "log-loss of the scores alone (a coin: 0.693)": metrics.log_loss,
        "accuracy of scores and generators": told.accuracy if told else None,
        "log-loss of scores and generators": told.log_loss if told else None,
        "accuracy of generators alone": alone.accuracy if alone else None,
        "log-loss of generators alone": alone.log_loss if alone else None,
        "accuracy of always naming B": metrics.always_b,
        f"accuracy of the rule that the higher {metrics.against} wins": metrics.rules.get(metrics.against),
    }
    figures = "".join(f"| {_cell(name)} | {value} |\n" for name, value in rows.items() if value is not None)
    weights = "".join(
        f"| {axis} | {weight:+.3f} | {scale:.3g} |\n"
        for axis, weight, scale in zip(head.axes, head.coefficients, head.scale, strict=True)
    )
    effects = [f"{_cell(each.generator)} {each.mean:+.2f} ± {each.deviation:.2f}" for each in head.generators]
    made = f"\nEffects of generators on the log-odds: {', '.join(effects)}.\n" if effects else ""
    return f"""## {REGISTRY[head.judge].title}

`{file_name(head.judge)}`, version {head.revision_id}. Fitted to {head.battles:,} battles between {head.songs:,} songs:
{_cell(head.data)}. The scores are by {_cell(head.revision)}. Intervals are from resampling {_cell(metrics.resampled)}.

| on songs held out | 95% interval |
|---|---|
{figures}
| score | weight of a usual difference, as log-odds | a usual difference |
|---|---|---|
{weights}{made}
"""


def _cell(text: str) -> str:
    """Return a text from outside as one line that cannot end a cell, begin a tag or a link."""
    plain = sanitize(text, LONGEST)
    return "".join(f"\\{c}" if c in "\\|<>[]`*_" else c for c in plain)
