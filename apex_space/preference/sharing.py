"""Publishes preference heads in a repository on the Hub, with a card for people."""

from collections.abc import Mapping

from ..core.errors import PreferenceError
from ..judges.registry import REGISTRY
from ..models.cards import CARD, cell, has_mark, publishing
from ..models.hub import commit_files, fetch_files, files_of
from .head import PreferenceHead
from .head_files import MAX_BYTES, file_name, read_shared

MARK = "<!-- apex-space publish-preference writes this card, and will write it again. -->"
"""A line of each card. A card without it is somebody else's, and stays as it is."""


def publish(repository: str, head: PreferenceHead, licence: str) -> tuple[str, bool]:
    """Add a head to a repository, or replace the one of the same judge. Return the commit's address.

    Also return whether the repository's card was written; one of somebody else's stays. A missing repository is created
    as a private one. Raises PreferenceError.
    """
    with publishing(repository, PreferenceError):
        there = files_of(repository)
        commit, names = there or (None, frozenset())
        heads, ours = _published(repository, commit, names)
        contents = {file_name(head.judge): head.to_json()}
        if ours:
            contents[CARD] = card(repository, {**heads, head.judge: head}, licence)
        return commit_files(repository, contents, f"The preference head of {head.judge}", commit), ours


def _published(repository: str, commit: str | None, names: frozenset[str]) -> tuple[dict[str, PreferenceHead], bool]:
    """Return the heads that a repository has, and whether its card may be written."""
    if commit is None:
        return {}, True
    heads = {}
    if known := sorted(names & {*map(file_name, REGISTRY)}):
        folder, _ = fetch_files(repository, commit, known, MAX_BYTES)
        heads = {j: read_shared(folder / file_name(j), j) for j in REGISTRY if file_name(j) in known}
    return heads, CARD not in names or has_mark(repository, commit, MARK)


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
    figures = "".join(f"| {cell(name)} | {value} |\n" for name, value in rows.items() if value is not None)
    weights = "".join(
        f"| {axis} | {weight:+.3f} | {scale:.3g} |\n"
        for axis, weight, scale in zip(head.axes, head.coefficients, head.scale, strict=True)
    )
    effects = [f"{cell(each.generator)} {each.mean:+.2f} ± {each.deviation:.2f}" for each in head.generators]
    made = f"\nEffects of generators on the log-odds: {', '.join(effects)}.\n" if effects else ""
    return f"""## {REGISTRY[head.judge].title}

`{file_name(head.judge)}`, version {head.revision_id}. Fitted to {head.battles:,} battles between {head.songs:,} songs:
{cell(head.data)}. The scores are by {cell(head.revision)}. Intervals are from resampling {cell(metrics.resampled)}.

| on songs held out | 95% interval |
|---|---|
{figures}
| score | weight of a usual difference, as log-odds | a usual difference |
|---|---|---|
{weights}{made}
"""
