"""Results that others have published, for comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.intervals import ConfidenceInterval

VALIDATION_IDS = (
    "https://github.com/ASLP-lab/Automatic-Song-Aesthetics-Evaluation-Challenge/blob/main/static/val_ids.txt"
)
"""Page on which the challenge publishes which 200 songs of SongEval are for validation."""
SONGEVAL = "ASLP-lab/SongEval"


@dataclass(frozen=True)
class PublishedResult:
    """A system's figures on `songs`. `metrics` compare single songs in the track's dimension."""

    name: str
    track: str
    songs: str
    metrics: Mapping[str, ConfidenceInterval | float] = field(default_factory=dict)
    score: ConfidenceInterval | float | None = None


VALIDATION = "SongEval's 200 validation songs"
FIRST, SECOND = "the challenge's own, sets 1 and 2", "the challenge's own"
PUBLISHED = (
    # arXiv 2511.18869
    PublishedResult("HEAR", "track 1", VALIDATION, {"LCC": 0.920, "SRCC": 0.910, "KTAU": 0.752, "TTA": 0.871}),
    PublishedResult("HEAR", "track 2", VALIDATION, {"LCC": 0.912, "SRCC": 0.900, "KTAU": 0.737, "TTA": 0.853}),
    # the challenge's leaderboard of December 2025; HEAR took part as BAL-RAE, the baseline is SongEval's toolkit
    PublishedResult("Hachimi (first)", "track 1", FIRST, score=0.575),
    PublishedResult("HEAR (second)", "track 1", FIRST, score=0.556),
    PublishedResult("qualifier (third)", "track 1", FIRST, score=0.529),
    PublishedResult("baseline", "track 1", FIRST, score=0.510),
    PublishedResult("LeVo (first)", "track 2", SECOND, score=0.655),
    PublishedResult("HyperCritic (second)", "track 2", SECOND, score=0.604),
    PublishedResult("Team Resonance (third)", "track 2", SECOND, score=0.598),
    PublishedResult("HEAR (fifth)", "track 2", SECOND, score=0.589),
    PublishedResult("baseline", "track 2", SECOND, score=0.574),
)

PMQD = {
    "noise": (3.47, 3.00, 2.37, 1.78, 1.37),
    "distortion": (3.05, 2.69, 2.39, 2.17, 1.59),
    "low-pass": (3.97, 4.00, 3.82, 3.55, 3.31),
    "limiter": (4.04, 3.72, 3.86, 3.90, 3.74),
}
"""Listeners' mean ratings of audio quality, 1 to 5, of 975 segments: degradation -> by fifths of its intensity.

Perceived Music Quality Dataset by Peltarion and Epidemic Sound: github.com/Peltarion/pmqd, "Dataset summary"; Hilmkil,
Thomé and Arpteg, Perceiving Music Quality with GANs, arXiv 2006.06287.
"""
PMQD_ORIGINAL = 4.02
"""The same listeners' mean rating of the segments as they were."""
