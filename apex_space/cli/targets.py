"""The command `targets`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .common import check_results, exiting, messages, write_results

if TYPE_CHECKING:
    from ..training.apex.targets import TargetSettings


def targets(
    counts: Annotated[
        Path,
        typer.Argument(
            metavar="COUNTS",
            help="Table (csv, jsonl, parquet) with the columns id, plays and likes, and if you like platform, split "
            "and songeval_scores.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write targets.jsonl and targets.json to.")],
    banger: Annotated[
        bool,
        typer.Option(
            "--banger",
            help="Make Banger's scores of the column listens instead; COUNTS may be FMA's tracks.csv. The options for "
            "APEX's scores and the split do not matter then.",
        ),
    ] = False,
    songeval: Annotated[
        bool,
        typer.Option(
            "--songeval",
            help="Only split the songs and average the ratings in the column annotation, or take songeval_scores. "
            "The options for APEX's scores do not matter then.",
        ),
    ] = False,
    gamma: Annotated[float, typer.Option(help="Exponent: a score is 100 * percentile ** gamma.")] = 2.0,
    ties: Annotated[
        Literal["low", "mid", "high"],
        typer.Option(help="Percentile of equal counts: the lowest, middle or highest of those that they span."),
    ] = "mid",
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Rank the songs of all platforms together, not each platform apart.")
    ] = False,
    group: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column such as artist: songs of one value stay in one part.")
    ] = "",
    val: Annotated[float, typer.Option(min=0, max=1, help="Share of the songs in the part val.")] = 0.1,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the songs in the part test.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split.")] = 42,
) -> None:
    """Turn counts of plays and likes into scores from 0 to 100, and split the songs into train, val and test.

    Percentiles are taken among the songs of train. A column `split` in the table is kept instead of a new split.
    Exit status: 0 written, 1 not.
    """
    if banger and songeval:
        raise typer.BadParameter("--banger and --songeval are for different tables.")
    with exiting(1):
        if banger:
            _banger(counts, out)
            return
        from ..training.apex.targets import Manifest, TargetSettings, make_targets

        settings = TargetSettings(gamma, ties, not pooled, group, (1 - val - test, val, test), seed)
        if songeval:
            _songeval(counts, out, settings)
            return
        check_results(out, "targets", Manifest, (".json", ".jsonl"), counts)
        songs, manifest = make_targets(counts, settings)
        _write(out, songs, manifest)
        parts = ", ".join(f"{part} {sum(by.values()):,}" for part, by in manifest.songs.items())
        messages.print(f"{out / 'targets.jsonl'}: {len(songs):,} songs ({parts})")


def _banger(counts: Path, out: Path) -> None:
    from ..training.banger.targets import BangerManifest, make_targets

    check_results(out, "targets", BangerManifest, (".json", ".jsonl"), counts)
    songs, manifest = make_targets(counts)
    _write(out, songs, manifest)
    left = f"{manifest.left_out:,} that nobody played are left out"
    messages.print(f"{out / 'targets.jsonl'}: {manifest.songs:,} songs ({left})")


def _songeval(ratings: Path, out: Path, settings: "TargetSettings") -> None:
    from ..training.songeval.targets import RatingsManifest, make_targets

    check_results(out, "targets", RatingsManifest, (".json", ".jsonl"), ratings)
    songs, manifest = make_targets(ratings, settings)
    _write(out, songs, manifest)
    parts = ", ".join(f"{part} {number:,}" for part, number in manifest.songs.items())
    left = f"{manifest.left_out:,} without ratings are left out"
    messages.print(f"{out / 'targets.jsonl'}: {len(songs):,} songs ({parts}; {left})")


def _write(out: Path, songs: Sequence[Any], manifest: Any) -> None:
    """Write the targets as JSON lines, which the commands extract and train read, and the manifest as JSON."""
    lines = "".join(json.dumps(asdict(song), ensure_ascii=False) + "\n" for song in songs)
    about = json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n"
    write_results(out, "targets", {".json": about, ".jsonl": lines})
