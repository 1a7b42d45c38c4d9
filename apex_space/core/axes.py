"""The only table of scores. All code that names, orders, bounds or explains a score reads it from here."""

from dataclasses import dataclass
from typing import Any

SONGEVAL = "SongEval’s songs"


@dataclass(frozen=True)
class Axis:
    """One score: its key in JSON, its label for people, its range and its meaning.

    `reference` is the (mean, standard deviation) of the songs that `source` names, where published. For most axes
    these are human ratings: 2,399 songs rated by four experts for SongEval (arXiv 2505.10793). The paper gives only a
    range of deviations for all five axes, 1.10 to 1.20, so each axis has the middle, 1.15. For the appeal they are
    219,020 published scores by TuneJury's head for all inputs; each of the seven collections counts the same. The
    scores of its head for CLAP alone may lie elsewhere.

    A score that is not `bounded` may lie beyond `low` and `high`. They are then only the ends of the pictures.
    """

    key: str
    label: str
    low: float
    high: float
    group: str
    meaning: str
    reference: tuple[float, float] | None = None
    source: str = SONGEVAL
    bounded: bool = True

    @property
    def span(self) -> str:
        """Return the range in short, or nothing for a score without bounds."""
        return f"{self.low:g}-{self.high:g}" if self.bounded else ""

    @property
    def scale(self) -> dict[str, Any]:
        """Return the range and the unit for JSON. The bounds are None for a score without bounds."""
        low, high = (self.low, self.high) if self.bounded else (None, None)
        return {"low": low, "high": high, "unit": self.unit}

    @property
    def unit(self) -> str:
        """Return what the score is counted in."""
        return "percentile" if self.group == "popularity" else "points"


AXES = (
    Axis("streams", "Streams", 0, 100, "popularity", "How often it would be played, as a percentile among songs"),
    Axis("likes", "Likes", 0, 100, "popularity", "How often it would be liked, as a percentile among songs"),
    Axis("coherence", "Coherence", 1, 5, "aesthetics", "Do the parts belong together, from start to end", (3.40, 1.15)),
    Axis("musicality", "Musicality", 1, 5, "aesthetics", "Is it good music: melody, harmony, rhythm", (3.11, 1.15)),
    Axis("memorability", "Memorability", 1, 5, "aesthetics", "Would it stay in the ear", (3.24, 1.15)),
    Axis("clarity", "Clarity", 1, 5, "aesthetics", "Is the recording and its structure clear", (3.14, 1.15)),
    Axis(
        "naturalness", "Naturalness", 1, 5, "aesthetics", "Does it sound played and sung, not processed", (3.11, 1.15)
    ),
    Axis("banger", "Banger", 0, 10, "plays", "How much its first 30 seconds would be played: for ranking a batch"),
    Axis(
        "appeal",
        "Appeal",
        -7,
        5,
        "appeal",
        "How far people would prefer it to other songs: only the difference between two songs has a meaning",
        (-0.14, 1.33),
        "seven collections of music, by TuneJury’s head for all inputs",
        bounded=False,
    ),
)
BY_KEY = {axis.key: axis for axis in AXES}
KEYS = tuple(BY_KEY)
POPULARITY, AESTHETICS = (tuple(k for k, a in BY_KEY.items() if a.group == g) for g in ("popularity", "aesthetics"))
COMPARATIVES = {
    "streams": ("more plays", "fewer plays"),
    "likes": ("more likes", "fewer likes"),
    "coherence": ("more coherent", "less coherent"),
    "musicality": ("more musical", "less musical"),
    "memorability": ("more memorable", "less memorable"),
    "clarity": ("clearer", "less clear"),
    "naturalness": ("more natural", "less natural"),
    "banger": ("more of a banger", "less of a banger"),
    "appeal": ("more appealing", "less appealing"),
}
"""What a higher and a lower score than another song's say of a song, by the key of the axis."""
