"""The registry of judges by name."""

from dataclasses import dataclass
from pathlib import Path

from ..core.axes import AXES, KEYS
from ..core.errors import UnknownJudge
from ..models import heads
from .eta import ESTIMATOR, ComputeCost, ThroughputEstimator


@dataclass(frozen=True)
class JudgeEntry:
    """A judge in the registry.

    `module` is a module in `heads`, or `module:name` for an object in it. It has `repositories(settings)` and
    `load(snapshots, settings)`. `licence` is the licence of the weights. `cost` is the cost of the networks as
    published, counted with torch's FlopCounterMode; it is None if it is too little to be counted. A server loads the
    judge at its start if `at_start` is true, or else on demand. `axes` are the keys of the scores that the published
    weights predict.
    """

    title: str
    summary: str
    module: str
    licence: str
    cost: ComputeCost | None = None
    at_start: bool = False
    axes: tuple[str, ...] = KEYS


AESTHETICS = tuple(axis.key for axis in AXES if axis.group == "aesthetics")
REGISTRY = {
    "apex": JudgeEntry(
        "APEX",
        "the published model: MERT-v1-95M and the APEX head (arXiv 2605.03395)",
        "apex",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        ComputeCost(27.1),
        at_start=True,
        axes=("streams", "likes", *AESTHETICS),
    ),
    "tunejury": JudgeEntry(
        "TuneJury",
        "which song people prefer, learned from 17,500 pairs that people compared: CLAP, which hears only the middle "
        "10 s of a song, and TuneJury's own head (arXiv 2606.17006)",
        "tunejury",
        "CC0-1.0 (CLAP), Apache-2.0 (head); with all inputs CC-BY-NC-4.0 (MERT, head)",
        ComputeCost(0, fixed=30.7),
        axes=("appeal",),
    ),
    "banger": JudgeEntry(
        "Banger",
        "ranks a batch by plays, from each song's first 30 s: MERT-v1-330M and its own head",
        "banger",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        ComputeCost(70.6),
        axes=("banger",),
    ),
    "songeval": JudgeEntry(
        "SongEval",
        "five aesthetic scores of the whole song at once: MuQ and the SongEval toolkit's head (arXiv 2505.10793)",
        "songeval",
        "CC-BY-NC-4.0 (MuQ), CC BY-NC-SA 4.0 (head)",
        ComputeCost(35.8, 0.0256),
        axes=AESTHETICS,
    ),
    "hear-1": JudgeEntry(
        "HEAR 1",
        "musicality, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_1",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        ComputeCost(105.4, 0.0523),
        axes=("musicality",),
    ),
    "hear-2": JudgeEntry(
        "HEAR 2",
        "five aesthetic scores, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_2",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        ComputeCost(105.4, 0.0523),
        axes=AESTHETICS,
    ),
    "pocket": JudgeEntry(
        "Pocket",
        "a quick preview trained on small real data, shipped with the app; not APEX",
        "pocket",
        "non-commercial (trained on CC BY-NC-SA data)",
        at_start=True,
        axes=("likes", "coherence", "musicality", "clarity", "naturalness"),
    ),
}
"""All judges by name, the most trusted judge first."""
DEFAULT = "pocket"


def find(name: str) -> JudgeEntry:
    """Return the judge's entry in the registry. Raises UnknownJudge."""
    if name not in REGISTRY:
        raise UnknownJudge(
            "There is no judge {name!r}. The judges are: {judges}.", name=name, judges=", ".join(REGISTRY)
        )
    return REGISTRY[name]


def estimate_seconds(name: str, seconds: float, estimator: ThroughputEstimator = ESTIMATOR) -> float | None:
    """Return how many seconds a song of `seconds` will take the judge, once it is loaded.

    Return None if that cannot be estimated yet. Raises UnknownJudge.
    """
    return estimator.estimate_seconds(name, find(name).cost, seconds)


def card(name: str) -> str | None:
    """Return the model card that is shipped with a judge's weights, in Markdown.

    Return None if the card is on the Hub, with the weights.
    """
    file = Path(heads.__file__).parent / f"{find(name).module.split(':')[0]}.md"
    return file.read_text(encoding="utf-8") if file.is_file() else None
