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


_IDS = """
23 51 56 67 71 73 89 97 98 119 121 125 134 144 146 173 187 221 224 231 249 254 255 267 268 272 310 314 318 322
351 357 372 398 411 416 452 468 469 471 480 487 490 496 499 515 537 539 544 547 555 556 558 575 588 594 599 614
634 643 682 691 694 706 707 713 716 723 733 752 767 770 799 830 839 849 926 943 958 983 995 1003 1006 1011 1032
1036 1060 1062 1065 1101 1115 1116 1127 1128 1130 1138 1151 1155 1193 1207 1214 1231 1236 1306 1337 1342 1353
1365 1374 1378 1380 1387 1405 1420 1462 1468 1481 1519 1528 1529 1541 1542 1546 1552 1554 1571 1574 1581 1598
1610 1633 1635 1642 1648 1675 1739 1740 1781 1790 1803 1819 1828 1843 1847 1860 1863 1865 1869 1878 1882 1904
1913 1929 1947 1951 1957 1973 1984 1985 1995 1996 2019 2027 2058 2060 2061 2064 2069 2082 2085 2090 2096 2102
2124 2127 2156 2163 2175 2180 2187 2207 2211 2214 2228 2246 2247 2264 2275 2289 2297 2313 2315 2319 2324 2340
2354 2375 2383 2384 2386
"""
VALIDATION_SONGS = tuple(int(number) for number in _IDS.split())
"""Ids of these songs, from that page."""
HEAR = {
    "musicality": {"LCC": 0.920, "SRCC": 0.910, "KTAU": 0.752, "TTA": 0.871},
    "mean": {"LCC": 0.912, "SRCC": 0.900, "KTAU": 0.737, "TTA": 0.853},
}
"""Dimension -> HEAR's figures on these songs (arXiv 2511.18869): of track 1 in musicality, of track 2 in the mean."""
BASELINE = {
    "musicality": {"LCC": 0.913, "SRCC": 0.900, "KTAU": 0.745, "TTA": 0.818},
    "mean": {"LCC": 0.908, "SRCC": 0.897, "KTAU": 0.736, "TTA": 0.826},
}
"""The same of SongEval's baseline, from the same paper."""
VALIDATION = "SongEval's 200 validation songs"
FIRST, SECOND = "the challenge's own, sets 1 and 2", "the challenge's own"
PUBLISHED = (
    # arXiv 2511.18869
    PublishedResult("HEAR", "track 1", VALIDATION, HEAR["musicality"]),
    PublishedResult("HEAR", "track 2", VALIDATION, HEAR["mean"]),
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
