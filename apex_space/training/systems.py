"""What is each system's own when a run of its training is published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.heads import hear, pocket, songeval
from ..models.heads.apex import ApexHead
from ..models.heads.banger import BangerHead
from .apex import trainer as apex_trainer
from .banger import trainer as banger_trainer
from .songeval import trainer as songeval_trainer

CHOSEN_BY_TEST = (
    "With `--as-published`, the checkpoint was chosen by the test songs, so the figures on them are too good."
)


@dataclass(frozen=True)
class System:
    """A system: its name and paper, what it hears, and who uses its checkpoint.

    `axes` loads a checkpoint as the judge does, and returns the scores that it predicts.
    """

    name: str
    source: str
    checkpoint: str
    axes: Callable[[Path], Sequence[str]]
    command: str
    judge: str
    variable: str
    hears: str
    licences: str
    more: Callable[[Mapping[str, Any]], str] = lambda settings: ""
    """Returns what else must be known of a run with these settings, as sentences of a card."""
    chosen: str = "the best epoch"
    """What the songs of `val` choose."""


def _track(track: hear.Track, judge: str) -> System:
    def axes(path: Path) -> Sequence[str]:
        hear.read(path, track.axes)
        return track.axes

    def more(settings: Mapping[str, Any]) -> str:
        return CHOSEN_BY_TEST if settings.get("as_published") else ""

    return System(
        "HEAR",
        "arXiv 2511.18869",
        track.checkpoint,
        axes,
        "train hear",
        judge,
        "APEX_HEAR_REPO",
        "frames of MusicFM and MuQ",
        "MusicFM (MIT) and MuQ (CC BY-NC 4.0)",
        more,
    )


def _songeval_axes(path: Path) -> Sequence[str]:
    songeval.read(path)
    return songeval.AXES


SYSTEMS = (
    System(
        "APEX",
        "arXiv 2605.03395",
        apex_trainer.BEST,
        lambda path: ApexHead(path).axes,
        "train apex",
        "apex",
        "APEX_HEAD_REPO",
        "embeddings of MERT-v1-95M",
        "MERT-v1-95M (CC BY-NC 4.0)",
    ),
    System(
        "Banger",
        "treadon/banger-scorer",
        banger_trainer.BEST,
        lambda path: BangerHead(path).axes,
        "train banger",
        "banger",
        "APEX_BANGER_REPO",
        "embeddings of MERT-v1-330M",
        "MERT-v1-330M (CC BY-NC 4.0)",
    ),
    _track(hear.TRACK_1, "hear-1"),
    _track(hear.TRACK_2, "hear-2"),
    System(
        "SongEval",
        "arXiv 2505.10793",
        songeval_trainer.BEST,
        _songeval_axes,
        "train songeval",
        "songeval",
        "APEX_SONGEVAL_REPO",
        "frames of MuQ",
        "MuQ (CC BY-NC 4.0)",
        lambda settings: "How the published head was trained is not known; the recipe is that of APEX Space.",
    ),
    System(
        "Pocket",
        "the small judge of APEX Space",
        pocket.CHECKPOINT,
        lambda path: pocket.read_trained(path).axes,
        "train ridge",
        "pocket",
        "APEX_POCKET_REPO",
        "statistics of its sound, which need no other weights",
        "the code of APEX Space (Apache-2.0)",
        chosen="the penalty of each score",
    ),
)


def system_of(folder: Path) -> System | None:
    """Return the system whose checkpoint is in the folder of a run, or None."""
    return next((system for system in SYSTEMS if (folder / system.checkpoint).is_file()), None)
