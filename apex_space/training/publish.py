"""Publishes a finished run in a repository on the Hub: the checkpoint, what made it, its results, and a card."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.axes import BY_KEY
from ..core.errors import TrainingError
from ..core.intervals import ConfidenceInterval
from ..evaluation.metrics import MEAN as AVERAGE
from ..evaluation.metrics import METRICS
from ..models.cards import CARD, cell, has_mark, publishing
from ..models.hub import commit_files, files_of
from .files import CHALLENGE, RESULTS, SETTINGS
from .measure import FIGURES, HEAD, MEAN, POOLED, RIDGE
from .systems import SYSTEMS, System, system_of
from .table import PARTS

MARK = "<!-- apex-space publish writes this card and the files beside it, and will write them again. -->"
"""A line of each card. A repository whose card lacks it is somebody else's."""
MODELS = {HEAD: "this head", RIDGE: "ridge regression", MEAN: "mean of the training songs"}
FEW = 30
"""Number of test songs below which the card says that intervals are too narrow. Our choice."""
Row = Mapping[str, str]
Contents = Mapping[str, str | Path]


def contents(folder: Path, repository: str, licence: str) -> Contents:
    """Return what to publish of the run in `folder`, by name in the repository: a text, or a file on this disk.

    Raises WeightsInvalid and TrainingError.
    """
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository):
        raise TrainingError(f"{repository} is no repository's name, such as owner/name.")
    if (system := system_of(folder)) is None:
        known = " or ".join(each.checkpoint for each in SYSTEMS)
        raise TrainingError(f"{folder} has no {known}. Name the folder of a run that train has finished.")
    for name in (SETTINGS, RESULTS):
        if not (folder / name).is_file():
            raise TrainingError(f"{folder} has no {name}. Name the folder of a run that {system.command} has finished.")
    axes = system.axes(folder / system.checkpoint)
    names = [system.checkpoint, SETTINGS, RESULTS, *((CHALLENGE,) if _is_challenge(folder / CHALLENGE, axes) else ())]
    try:
        about = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        with (folder / RESULTS).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row["part"], row["platform"]) == ("test", POOLED)]
        text = card(system, repository, licence, axes, about, rows, CHALLENGE in names)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise TrainingError(
            f"{folder} does not tell its results ({type(error).__name__}: {error}). Run its {system.command} again: a "
            "run that is over is only measured."
        ) from error
    return {CARD: text} | {name: folder / name for name in names}


def _is_challenge(path: Path, axes: Sequence[str]) -> bool:
    """Return whether a file has the ASAE Challenge's figures of these axes and nothing else: it is published, too."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        named = head == ["part", "axis", *METRICS] and {row[1] for row in rows} <= {*axes, AVERAGE}
        return named and all(row[0] in PARTS and len(row) == len(head) and [*map(float, row[2:])] for row in rows)
    except (OSError, ValueError, LookupError, csv.Error):
        return False


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
        return commit_files(repository, contents, "A trained head", commit)


# ---- the card ----------------------------------------------------------------------------------------------------


def card(
    system: System,
    repository: str,
    licence: str,
    axes: Sequence[str],
    about: Mapping[str, Any],
    rows: Sequence[Row],
    challenge: bool = False,
) -> str:
    """Return a model card from the run's settings and the rows of its results on the test songs of all platforms.

    `challenge` says whether there are the ASAE Challenge's figures, too. Raises ValueError, LookupError and TypeError
    if settings or results are not complete.
    """
    by_model = {(row["axis"], row["model"]): row for row in rows}
    named = [(axis, model) for axis in axes for model in MODELS]
    table = "".join(f"| {axis} | {MODELS[model]} | {_figures(by_model[axis, model])} |\n" for axis, model in named)
    errors = {key: float(by_model[key]["mse"]) for key in named}
    beaten = [axis for axis in axes if errors[axis, HEAD] < min(errors[axis, RIDGE], errors[axis, MEAN])]
    settings, songs = about["settings"], about["songs"]
    made_by = (
        f"The network is that of {system.name} ({system.source}), but this is not the published head: it was trained "
        f"with `{system.command}` of APEX Space {cell(str(about['version']))}."
    )
    return f"""---
license: {licence}
tags: [music, audio, {system.name.lower()}, apex-space]
---
{MARK}

# A head of {system.name}

It predicts these scores of a song from {system.hears}: {", ".join(axes)}. {made_by}
`{system.checkpoint}` is a checkpoint in {system.name}'s published format. {system.more(settings)}

To use it, name this repository to APEX Space:

    {system.variable}={repository} apex-space score song.mp3 --judge {system.judge}
    {system.variable}={repository} apex-space serve

## Data and split

{songs["train"]:,} songs to learn from, {songs["val"]:,} to choose {system.chosen} by, {songs["test"]:,} to measure
with.

{_data(about.get("data") or {})}
Settings: {_rules(settings)}.

## Figures on the test songs

With 95% intervals from resampling the songs{_few(songs["test"])}. Errors are in the scores' own units: {_units(axes)}.

| score | by | squared error | absolute error | Pearson | Spearman |
|---|---|---|---|---|---|
{table}
The squared error of this head is below those of both others for {", ".join(beaten) or "no score"}.
Where intervals overlap, the difference may be chance. `{RESULTS}` has more figures, also on the songs of `val`, by
which {system.chosen} was chosen.{f" `{CHALLENGE}` has those of the ASAE Challenge." if challenge else ""}

## Licence

{licence}. It hears what these compute, which have licences of their own: {system.licences}. The songs are not here.
"""


def _figures(row: Row) -> str:
    """Return the cells of a row's figures. A correlation that does not exist is a dash."""
    if not all(row[f"{name}_{end}"] for name in FIGURES[:2] for end in ("low", "high")):
        raise ValueError(f"{RESULTS} has no intervals: it is of one song, or of an old version")
    ends = ({end: row[f"{name}{end}"] for end in ("", "_low", "_high")} for name in FIGURES)
    return " | ".join(str(ConfidenceInterval(*map(float, each.values()))) if each[""] else "-" for each in ends)


def _few(songs: int) -> str:
    """Return what a reader must know of intervals from a few songs."""
    return f"; from only {songs:,} songs, they are too narrow" if songs < FEW else ""


def _units(axes: Sequence[str]) -> str:
    """Return the range of each score."""
    ranges: dict[str, list[str]] = {}
    for axis in axes:
        ranges.setdefault(f"from {BY_KEY[axis].low:g} to {BY_KEY[axis].high:g}", []).append(axis)
    return "; ".join(f"{span} for {', '.join(named)}" for span, named in ranges.items())


def _data(data: Mapping[str, Any]) -> str:
    """Return what is known of the embeddings and the targets, as a list."""
    found, table = data.get("encoder"), data.get("targets")
    encoders = found if isinstance(found, list) else [found] if found is not None else []
    lines = [f"- Embeddings: {', '.join(f'{name} {cell(str(each[name]))}' for name in each)}" for each in encoders]
    lines = lines or ["- Embeddings: Not told."]
    if table is None:
        return "\n".join([*lines, "- Scores and split: those of the tables of segments.", ""])
    lines.append(f"- Scores and split: {cell(table['file'])}, sha256 {cell(table['sha256'])}")
    if manifest := table["manifest"]:
        of = "ratings" if "shares" in manifest else "counts"
        lines += [
            f"- Made of the {of} in {cell(manifest['source'])}, sha256 {cell(manifest['sha256'])}",
            f"- {_made(manifest)}",
        ]
    return "\n".join([*lines, ""])


def _made(manifest: Mapping[str, Any]) -> str:
    """Return how the command targets made scores, by the manifest that it wrote."""
    if "shares" in manifest:
        rules = _rules({name: manifest[name] for name in ("group", "shares", "seed")})
        left = f"Songs without ratings are left out: {manifest['left_out']:,}"
        return f"A score is the mean of the ratings. {left}. A split of the table was kept, or made by: {rules}"
    if "least" in manifest:
        least, greatest, left = (manifest[name] for name in ("least", "greatest", "left_out"))
        rule = f"A score is the logarithm of the number of plays: 0 is {least:,.0f} plays, 10 is {greatest:,.0f}"
        return f"{rule}. Songs that nobody played are left out: {left:,}"
    rules = _rules(manifest["settings"])
    return f"A score is 100 x percentile ^ gamma, among the songs of {cell(manifest['percentiles_of'])}: {rules}"


def _rules(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{cell(name.replace('_', ' '))} {cell(str(value)) or 'none'}" for name, value in settings.items())
