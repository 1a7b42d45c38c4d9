"""The registry of judges by name."""

from dataclasses import dataclass
from pathlib import Path

from ..core.axes import AESTHETICS, KEYS, Axis
from ..core.errors import UnknownJudge
from ..models import heads
from .eta import ESTIMATOR, ComputeCost


@dataclass(frozen=True)
class JudgeEntry:
    """A judge in the registry.

    `module` is a module in `heads`, or `module:name` for an object in it. It has `repositories(settings)` and
    `load(snapshots, settings)`. `licence` is the licence of the weights. `cost` is the cost of the networks as
    published, counted with torch's FlopCounterMode; it is None if it is too little to be counted. A server loads the
    judge at its start if `at_start` is true, or else on demand. `axes` are the keys of the scores that the published
    weights predict. `plain` says to visitors what it does. The published files have about `megabytes`; 0 if they are
    in the package. If a judge does not score as `published`, published scores of songs are no reference for its
    scores. `prompts`: it can score songs for a prompt.
    """

    title: str
    summary: str
    module: str
    licence: str
    cost: ComputeCost | None = None
    at_start: bool = False
    axes: tuple[str, ...] = KEYS
    plain: str = ""
    megabytes: int = 0
    published: bool = True
    prompts: bool = False


REGISTRY = {
    "apex": JudgeEntry(
        "APEX",
        "the published model: MERT-v1-95M and the APEX head (arXiv 2605.03395)",
        "apex",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        ComputeCost(27.1),
        at_start=True,
        axes=("streams", "likes", *AESTHETICS),
        plain="Seven scores: two for how popular a song may become, five for how well it is made.",
        megabytes=380,
    ),
    "tunejury": JudgeEntry(
        "TuneJury",
        "which song people prefer, learned from 17,500 pairs, most of them compared by people: CLAP, which hears the "
        "middle 10 s of a song, and TuneJury's own head (arXiv 2606.17006)",
        "tunejury",
        "CC0-1.0 (CLAP), Apache-2.0 (head, trained in part on CC BY-NC-SA data); with all inputs CC-BY-NC-4.0 (MERT, "
        "head)",
        axes=("appeal",),
        plain="One score: how likely people are to prefer a song to another. Usually it hears only the middle 10 "
        "seconds.",
        megabytes=2300,
        prompts=True,
    ),
    "tunejury-whole": JudgeEntry(
        "TuneJury Whole (ours)",
        "TuneJury on all of a song, an extension of ours that was not published: the mean of the scores of its parts "
        "of 10 s, by CLAP and TuneJury's own head (arXiv 2606.17006)",
        "tunejury:WHOLE",
        "CC0-1.0 (CLAP), Apache-2.0 (head, trained in part on CC BY-NC-SA data)",
        ComputeCost(3.07),
        axes=("appeal",),
        plain="Ours, not the published judge: TuneJury's networks hear the whole song, 10 seconds at a time. The score "
        "is the mean. Nobody has tested whether this predicts better.",
        megabytes=2300,
        published=False,
    ),
    "banger": JudgeEntry(
        "Banger",
        "ranks a batch by plays, from each song's first 30 s: MERT-v1-330M and its own head",
        "banger",
        "CC-BY-NC-4.0 (MERT), Apache-2.0 (head)",
        ComputeCost(70.6),
        axes=("banger",),
        plain="One score: how often a song would be played. It hears the first 30 seconds only.",
        megabytes=1300,
    ),
    "songeval": JudgeEntry(
        "SongEval",
        "five aesthetic scores of the whole song at once: MuQ and the SongEval toolkit's head (arXiv 2505.10793)",
        "songeval",
        "CC-BY-NC-4.0 (MuQ), CC BY-NC-SA 4.0 (head)",
        ComputeCost(35.8, 0.0256),
        axes=AESTHETICS,
        plain="Five scores for how well a song is made. It hears the whole song at once.",
        megabytes=1300,
    ),
    "hear-1": JudgeEntry(
        "HEAR 1",
        "musicality, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_1",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        ComputeCost(105.4, 0.0523),
        axes=("musicality",),
        plain="One score, musicality. Two networks hear the whole song and its parts.",
        megabytes=2800,
    ),
    "hear-2": JudgeEntry(
        "HEAR 2",
        "five aesthetic scores, from MusicFM and MuQ in pieces and over the whole song (arXiv 2511.18869)",
        "hear:TRACK_2",
        "MIT (MusicFM), CC-BY-NC-4.0 (MuQ), Apache-2.0 (head)",
        ComputeCost(105.4, 0.0523),
        axes=AESTHETICS,
        plain="Five scores for how well a song is made. Two networks hear the whole song and its parts.",
        megabytes=2800,
    ),
    "pocket": JudgeEntry(
        "Pocket",
        "a quick preview trained on small real data, shipped with the app; not APEX",
        "pocket",
        "non-commercial (trained on CC BY-NC-SA data)",
        at_start=True,
        axes=("likes", "coherence", "musicality", "clarity", "naturalness"),
        plain="A first impression within seconds: five scores by a small model. It is not APEX.",
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


def reference(name: str, axis: Axis) -> tuple[float, float] | None:
    """Return the mean and deviation with which a judge's score on an axis can be compared, if any are published."""
    return axis.reference if REGISTRY[name].published else None


def estimate_seconds(name: str, seconds: float) -> float | None:
    """Return how many seconds a song of `seconds` will take the judge, once it is loaded.

    Return None if that cannot be estimated yet. Raises UnknownJudge.
    """
    return ESTIMATOR.estimate_seconds(name, find(name).cost, seconds)


def card(name: str, language: str = "") -> str | None:
    """Return the model card that is shipped with a judge's weights, in Markdown, in English or in a `language`.

    Return None if there is none: the cards of other judges are on the Hub, with the weights.
    """
    stem = find(name).module.split(":")[0]
    file = Path(heads.__file__).parent / (f"{stem}.{language}.md" if language else f"{stem}.md")
    return file.read_text(encoding="utf-8") if file.is_file() else None
