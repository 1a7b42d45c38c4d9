"""How a judge's scores answer to damage: the records, their files, and the profiles that are shipped."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..core.intervals import ConfidenceInterval
from ..judges.report import Failure, rounded
from ..models.hub import Weights

SHIPPED = Path(__file__).parent / "profiles"
"""Folder of the profiles that are shipped, each as the command `robustness` writes it, compressed: JUDGE.json.gz."""
COLUMNS = ("axis", "kind", "figure", "severity", "value", "low", "high")


@dataclass(frozen=True)
class Half:
    """The severity at which half of the songs are noticed, and its 95% interval. None is beyond the worst severity."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Response:
    """What one kind of damage does to one score. `change` and `noticed` are by severity.

    `change` is the mean over songs of the score minus the intact song's. `noticed` is the share of songs. `order` is
    the mean over songs of the rank correlation of score and severity: -1 if the score falls at each step. `falls` is
    the share of steps to the next severity, from the intact song on, at which it falls.
    """

    kind: str
    axis: str
    change: tuple[ConfidenceInterval, ...]
    noticed: tuple[ConfidenceInterval, ...]
    order: ConfidenceInterval
    falls: ConfidenceInterval
    half: Half


@dataclass(frozen=True)
class Listened:
    """A kind of damage beside what listeners said of the `degradation` in PMQD that is most like it.

    Both are by intensity: around 0.1, 0.3, 0.5, 0.7 and 0.9. `ratings` are of 1 to 5, `change` is that of the score.
    """

    kind: str
    degradation: str
    ratings: tuple[float, ...]
    change: tuple[ConfidenceInterval, ...]


@dataclass(frozen=True)
class Check:
    """A score beside PMQD's ratings. `agreement` is the rank correlation of ratings and changes over all rows."""

    axis: str
    rows: tuple[Listened, ...]
    agreement: ConfidenceInterval


@dataclass(frozen=True)
class Profile:
    """How a judge's scores answer to damage, on `songs` of at most `seconds` each.

    `intact` are the mean scores and `floors` the noise floors, by axis. `check` is None if the judge or the kinds that
    were tried have nothing to compare.
    """

    judge: str
    weights: tuple[Weights, ...]
    version: str
    songs: tuple[str, ...]
    seconds: float
    severities: tuple[float, ...]
    intact: dict[str, float]
    floors: dict[str, ConfidenceInterval]
    responses: tuple[Response, ...]
    check: Check | None


def to_json(profile: Profile, failed: Sequence[Failure] = ()) -> str:
    """Return JSON with every figure, a line for each response, and the songs that failed with the reasons."""
    plain = rounded(asdict(profile) | {"failed": [asdict(song) for song in failed]})
    responses = ",\n  ".join(json.dumps(row, allow_nan=False, separators=(",", ":")) for row in plain.pop("responses"))
    rest = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
    return f'{rest[:-2]},\n "responses": [\n  {responses}\n ]\n}}'


def from_json(text: str) -> Profile:
    """Return the profile in what `to_json` wrote. Raises ValueError, KeyError or TypeError if it is none."""
    plain = json.loads(text)
    plain.pop("failed")
    check = plain["check"]
    return Profile(
        **plain
        | {
            "weights": tuple(Weights(**each) for each in plain["weights"]),
            "songs": tuple(plain["songs"]),
            "severities": tuple(plain["severities"]),
            "floors": {axis: ConfidenceInterval(**floor) for axis, floor in plain["floors"].items()},
            "responses": tuple(map(_response, plain["responses"])),
            "check": check
            and Check(check["axis"], tuple(map(_listened, check["rows"])), ConfidenceInterval(**check["agreement"])),
        }
    )


def _response(row: Mapping[str, Any]) -> Response:
    order, falls = (ConfidenceInterval(**row[name]) for name in ("order", "falls"))
    return Response(
        row["kind"], row["axis"], _curve(row["change"]), _curve(row["noticed"]), order, falls, Half(**row["half"])
    )


def _listened(row: Mapping[str, Any]) -> Listened:
    return Listened(row["kind"], row["degradation"], tuple(row["ratings"]), _curve(row["change"]))


def _curve(figures: Sequence[Mapping[str, float]]) -> tuple[ConfidenceInterval, ...]:
    return tuple(ConfidenceInterval(**figure) for figure in figures)


@cache
def shipped(judge: str) -> Profile | None:
    """Return the profile of a judge that is shipped with the app, or None if there is none."""
    file = SHIPPED / f"{judge}.json.gz"
    return from_json(gzip.decompress(file.read_bytes()).decode()) if file.is_file() else None


def to_csv(profile: Profile) -> str:
    """Return CSV with a row for each figure. A severity at which half is noticed is empty if it is beyond the worst."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for axis, floor in profile.floors.items():
        writer.writerow([axis, "", "noise floor", "", floor.value, floor.low, floor.high])
    for row in profile.responses:
        for name, severity, figure in _figures(row, profile.severities):
            writer.writerow([row.axis, row.kind, name, severity, figure.value, figure.low, figure.high])
    return text.getvalue()


def _figures(
    row: Response, severities: Sequence[float]
) -> Iterator[tuple[str, float | str, ConfidenceInterval | Half]]:
    for name, curve in (("change", row.change), ("noticed", row.noticed)):
        yield from ((name, severity, figure) for severity, figure in zip(severities, curve, strict=True))
    yield from (("order", "", row.order), ("falls", "", row.falls), ("half noticed at", "", row.half))
