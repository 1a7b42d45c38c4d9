"""Publishes a finished run in a repository on the Hub: the checkpoint, what made it, its results, and a card."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import TrainingError
from ...core.intervals import ConfidenceInterval
from ...models.cards import CARD, cell, has_mark, publishing
from ...models.heads.apex import ApexHead
from ...models.hub import commit_files, files_of
from ..files import RESULTS, SETTINGS
from ..measure import FIGURES, HEAD, MEAN, POOLED, RIDGE
from .trainer import BEST

MARK = "<!-- apex-space publish writes this card and the files beside it, and will write them again. -->"
"""A line of each card. A repository whose card lacks it is somebody else's."""
MODELS = {HEAD: "this head", RIDGE: "ridge regression", MEAN: "mean of the training songs"}
Row = Mapping[str, str]
Contents = Mapping[str, str | Path]


def contents(folder: Path, repository: str, licence: str) -> Contents:
    """Return what to publish of the run in `folder`, by name in the repository: a text, or a file on this disk.

    Raises WeightsInvalid and TrainingError.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise TrainingError(f"{repository} is no repository's name, such as owner/name.")
    for name in (BEST, SETTINGS, RESULTS):
        if not (folder / name).is_file():
            raise TrainingError(f"{folder} has no {name}. Name the folder of a run that train apex has finished.")
    head = ApexHead(folder / BEST)
    try:
        about = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        with (folder / RESULTS).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row["part"], row["platform"]) == ("test", POOLED)]
        text = card(repository, licence, head.axes, about, rows)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{folder} does not tell its results ({type(error).__name__}: {error}). Run its train apex again: a run "
            "that is over is only measured."
        ) from error
    return {CARD: text} | {name: folder / name for name in (BEST, SETTINGS, RESULTS)}


def publish(repository: str, contents: Contents) -> str:
    """Write the files to a repository in one commit, and return the commit's address.

    A missing repository is created as a private one. Files of somebody else stay as they are. Raises TrainingError.
    """
    with publishing(repository, TrainingError):
        commit, names = files_of(repository) or (None, frozenset())
        there = sorted(names & contents.keys())
        if commit is not None and there and not (CARD in names and has_mark(repository, commit, MARK)):
            raise TrainingError(
                f"{repository} has {', '.join(there)} that this command did not write. Choose another repository."
            )
        return commit_files(repository, contents, "A head of APEX", commit)


# ---- the card ----------------------------------------------------------------------------------------------------


def card(repository: str, licence: str, axes: Sequence[str], about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return a model card from the run's settings and the rows of its results on the test songs of all platforms.

    Raises ValueError, LookupError and TypeError if they are not complete.
    """
    by_model = {(row["axis"], row["model"]): row for row in rows}
    named = [(axis, model) for axis in axes for model in MODELS]
    table = "".join(f"| {axis} | {MODELS[model]} | {_figures(by_model[axis, model])} |\n" for axis, model in named)
    errors = {key: float(by_model[key]["mse"]) for key in named}
    beaten = [axis for axis in axes if errors[axis, HEAD] < min(errors[axis, RIDGE], errors[axis, MEAN])]
    settings, songs = about["settings"], about["songs"]
    chosen = ", ".join(f"{name.replace('_', ' ')} {cell(str(value))}" for name, value in settings.items())
    return f"""---
license: {licence}
tags: [music, audio, apex, apex-space]
---
{MARK}

# A head of APEX

It predicts these scores of a song from embeddings of MERT-v1-95M: {", ".join(axes)}. The network is that of APEX
(arXiv 2605.03395), but this is not the published head: it was trained with `train apex` of APEX Space
{cell(str(about["version"]))}. `{BEST}` is a checkpoint in APEX's published format.

To use it, name this repository to APEX Space:

    APEX_HEAD_REPO={repository} apex-space score song.mp3 --judge apex
    APEX_HEAD_REPO={repository} apex-space serve

## Data and split

{songs["train"]:,} songs to learn from, {songs["val"]:,} to choose the best epoch by, {songs["test"]:,} to measure with.

{_data(about.get("data") or {})}
Settings: {chosen}.

## Figures on the test songs

With 95% intervals from resampling the songs. Errors are in the scores' own units: from 0 to 100 for streams and likes,
from 1 to 5 for others.

| score | by | squared error | absolute error | Pearson | Spearman |
|---|---|---|---|---|---|
{table}
The squared error of this head is below those of both others for {", ".join(beaten) or "no score"}.
Where intervals overlap, the difference may be chance. `{RESULTS}` has more figures, also on the songs of `val`, by
which the epoch was chosen.

## Licence

{licence}. The embeddings are of MERT-v1-95M (CC BY-NC 4.0). The songs are not here.
"""


def _figures(row: Row) -> str:
    """Return the cells of a row's figures. A correlation that does not exist is a dash."""
    if not all(row[f"{name}_{end}"] for name in FIGURES[:2] for end in ("low", "high")):
        raise ValueError(f"{RESULTS} has no intervals")
    ends = ({end: row[f"{name}{end}"] for end in ("", "_low", "_high")} for name in FIGURES)
    return " | ".join(str(ConfidenceInterval(*map(float, each.values()))) if each[""] else "-" for each in ends)


def _data(data: Mapping[str, Any]) -> str:
    """Return what is known of the embeddings and the targets, as a list."""
    encoder, table = data.get("encoder"), data.get("targets")
    made = "Not told." if encoder is None else ", ".join(f"{name} {cell(str(encoder[name]))}" for name in encoder)
    lines = [f"- Embeddings: {made}"]
    if table is None:
        return "\n".join([*lines, "- Scores and split: those of the tables of segments.", ""])
    lines.append(f"- Scores and split: {cell(table['file'])}, sha256 {cell(table['sha256'])}")
    if manifest := table["manifest"]:
        rules = ", ".join(
            f"{name.replace('_', ' ')} {cell(str(value))}" for name, value in manifest["settings"].items()
        )
        lines += [
            f"- Made of the counts in {cell(manifest['source'])}, sha256 {cell(manifest['sha256'])}",
            f"- A score is 100 x percentile ^ gamma, among the songs of {cell(manifest['percentiles_of'])}: {rules}",
        ]
    return "\n".join([*lines, ""])
