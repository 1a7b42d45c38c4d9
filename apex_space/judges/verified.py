"""What `apex-space verify` found of each judge: the record of this machine, and the one that is shipped."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.files import replacing
from ..core.settings import settings
from ..core.text import Message, join, message, sanitize
from ..models.hub import Weights
from .loading import asked
from .registry import REGISTRY
from .report import Report

SHIPPED = Path(__file__).with_name("verified.json")
FILE = "verified.json"
"""Name of this machine's record in the data folder."""
UNKNOWN = "not verified here"
MAX_BYTES = 1_000_000
Outcome = Literal["held", "differs", "not checked"]


@dataclass(frozen=True)
class Check:
    """One comparison: a figure of `ours` with the `published` one, which must be within `tolerance`.

    A check without figures is of something that is or is not so. `why` explains what was compared, what differs, or why
    nothing was compared. `reproduces` is true if it compares with a figure that others published.
    """

    what: str
    outcome: Outcome
    why: str = ""
    published: float | None = None
    ours: float | None = None
    tolerance: float | None = None
    reproduces: bool = False


@dataclass(frozen=True)
class Verification:
    """The checks of a judge with certain weights on a day `date` (ISO) by a version of this program."""

    date: str
    version: str
    weights: tuple[Weights, ...]
    checks: tuple[Check, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks have this outcome."""
        return sum(check.outcome == outcome for check in self.checks)

    @property
    def compared(self) -> bool:
        """Return whether anything was compared."""
        return self.count("held") + self.count("differs") > 0


@dataclass(frozen=True)
class Posted:
    """What a run found, to be posted: nothing in it is personal. `machine` tells hardware and software."""

    date: str
    version: str
    machine: Mapping[str, str]
    judges: Mapping[str, Verification]


def compared(
    what: str, published: float, ours: float, tolerance: float, why: str = "", reproduces: bool = True
) -> Check:
    """Return the check of a figure. NaN differs."""
    outcome: Outcome = "held" if abs(ours - published) <= tolerance else "differs"
    return Check(what, outcome, why, published, ours, tolerance, reproduces)


def describe(name: str, loaded: Sequence[Weights] | None = None) -> str:
    """Return what is known of a judge: when it was verified and against what, or that it was not.

    What was found of other weights than the `loaded` ones does not count. Without `loaded`, the weights that are asked
    for are not known yet, and the text's revisions say what the finding is of.
    """
    for path in (settings().data / FILE, SHIPPED):
        found = read(path).get(name)
        if found is not None and found.compared and (loaded is None or tuple(loaded) == found.weights):
            return _described(found)
    return UNKNOWN


def are_unknown(name: str, loaded: Sequence[Weights]) -> bool:
    """Return whether a judge's weights are files that were not verified, of which no commit on the Hub is known."""
    return describe(name, loaded) == UNKNOWN and not all(_is_commit(each.revision) for each in loaded)


def caution(reports: Iterable[Report]) -> Message | None:
    """Return a warning if a report's weights are unknown, which names the judges, or None."""
    loaded = dict.fromkeys((each.judge, each.weights) for each in reports)  # each is looked up in files
    unknown = dict.fromkeys(name for name, weights in loaded if are_unknown(name, weights))
    if not unknown:
        return None
    return message(
        "The weights of {judges} are files that nobody has verified here. If they are not the published ones, the "
        "scores may mean nothing.",
        judges=join(REGISTRY[name].title for name in unknown),
    )


def summary(name: str, loaded: Sequence[Weights] | None = None) -> str:
    """Return what a judge is: the published system, or the same with the weights of other repositories.

    Without `loaded`, the weights count that the settings ask for.
    """
    others = _others(name, loaded)
    if not others:
        return REGISTRY[name].summary
    return message("with weights of {repositories}, not the published ones", repositories=", ".join(others))


def is_own(name: str) -> bool:
    """Return whether the settings ask for other weights than those that this package describes."""
    return bool(_others(name, None))


def licence(name: str, loaded: Sequence[Weights] | None = None) -> str:
    """Return the licence of a judge's weights, or who knows it. Without `loaded`, as in `summary`."""
    others = _others(name, loaded)
    return message("see {repositories}", repositories=", ".join(others)) if others else REGISTRY[name].licence


def _others(name: str, loaded: Sequence[Weights] | None) -> list[str]:
    """Return the repositories that a setting has put in the place of the published ones."""
    now = settings()
    fields = [(key, field) for key, field in type(now).model_fields.items() if key.endswith("_repo")]
    chosen = [str(getattr(now, key)) for key, field in fields if getattr(now, key) != field.default]
    if not chosen:
        return []
    names = {Path(each).name if Path(each).is_dir() else each for each in chosen}
    used = asked(name) if loaded is None else [each.repository for each in loaded]
    return [sanitize(each, 80) for each in used if each in names]


def _described(found: Verification) -> str:
    revisions = ", ".join(sanitize(_short(each.revision), 40) for each in found.weights)
    if differing := found.count("differs"):
        return message(
            "on {date}, {differing} of {count} checks differed (weights {revisions})",
            date=found.date,
            differing=differing,
            count=found.count("held") + differing,
            revisions=revisions,
        )
    published = any(check.reproduces and check.outcome == "held" for check in found.checks)
    return message(
        "verified on {date} against {what} (weights {revisions})",
        date=found.date,
        what="published figures and the example songs" if published else "the example songs",
        revisions=revisions,
    )


def _short(revision: str) -> str:
    """Return a commit as people quote it, and any other revision as it is."""
    return revision[:7] if _is_commit(revision) else revision


def _is_commit(revision: str) -> bool:
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def keep(found: Mapping[str, Verification]) -> None:
    """Write what was found on this machine, beside what was found of other judges before. Raises OSError."""
    path = settings().data / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    known = _plain(path) | {name: as_dict(each) for name, each in found.items()}
    with replacing(path) as part:
        part.write_text(to_json(known), encoding="utf-8")


def to_json(value: Any) -> str:
    """Return indented JSON without NaN, which is not JSON."""
    return json.dumps(_without_nan(value), indent=1, ensure_ascii=False) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if value != value or value in (float("inf"), float("-inf")) else value


def as_dict(found: Verification | Posted) -> dict[str, Any]:
    """Return plain values for JSON."""
    return asdict(found)


def read(path: Path) -> dict[str, Verification]:
    """Return what was found of each judge by a file of `keep`. What is not from there counts as nothing."""
    found, content = {}, _plain(path)
    for name in REGISTRY:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found[name] = _verification(content[name])
    return found


def _plain(path: Path) -> dict[str, Any]:
    """Return the records in a file, also those of other versions; none if it is no such file."""
    try:
        content = _without_nan(json.loads(path.read_text(encoding="utf-8"))) if path.stat().st_size <= MAX_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _verification(plain: Mapping[str, Any]) -> Verification:
    """Return the record of which `as_dict` made this. Raises what wrong values raise."""
    date = plain["date"]
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise ValueError(date)
    weights = tuple(Weights(str(each["repository"]), str(each["revision"])) for each in plain["weights"])
    checks = tuple(Check(**each) for each in plain["checks"])
    return Verification(date, str(plain["version"]), weights, checks)
