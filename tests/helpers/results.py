"""A result as links keep it."""

from typing import Any

from apex_space.audio.features import AudioFeatures
from apex_space.core.axes import KEYS
from apex_space.judges.report import Report, Segment
from apex_space.models.hub import Weights

SECRET = "diary of a fugitive.mp3"
HERE = "192.0.2.7"


def report(**options: Any) -> Report:
    """Pocket's, of a song of 40 seconds."""
    scores = dict.fromkeys(KEYS) | {"likes": 57.25, "musicality": 3.36}
    return Report(
        **{
            "file": SECRET,
            "judge": "pocket",
            "scores": scores,
            "missing": {"streams": "no play counts to learn from"},
            "spread": {"likes": 33.0, "musicality": 0.33},
            "segments": (Segment(0.0, 30.0, scores), Segment(30.0, 40.0, scores)),
            "duration": 40.0,
            "features": AudioFeatures(120.0, "A minor", -14.1, -1.9, 0.0, 18_000.0, 44_100, 2),
            "weights": (Weights("apex_space/heads/pocket", "sha256 cef15a4078cc"),),
            "precision": "float32",
            "precision_reason": "it is fast as it is",
            "seconds": 1.5,
            "sha256": "5ec7e7" * 10,
            **options,
        }
    )
