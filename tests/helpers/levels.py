"""Levels of samples that come from no file."""

import numpy as np

from apex_space.audio.levels import Levels, Meter
from apex_space.audio.loudness import LoudnessMeter
from helpers.sounds import SAMPLE_RATE


def levels(samples: np.ndarray, rate: int = SAMPLE_RATE, block: int = 10_000) -> Levels:
    """Measure `samples` [C, n] in blocks."""
    meter, loudness = Meter(rate, len(samples)), LoudnessMeter(rate, len(samples))
    for at in range(0, samples.shape[1], block):
        meter.add(samples[:, at : at + block])
        loudness.add(samples[:, at : at + block])
    return meter.levels(loudness.loudness())
