"""Train the pocket judge: `python -m apex_space.train.pocket --data ../shared/data [--out DIR]`.

Songs -> copies, intact, harmlessly changed and damaged -> features -> out-of-fold figures -> weights and card.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import load
from ..encoders.pocket import RATE, SEGMENT_SECONDS, features
from ..heads.pocket import LINEAR, Model, basis, link, standardise
from ..resample import resample
from . import card
from .corpus import Corpus, Song, davda54, emotify
from .damage import HARMLESS, KINDS
from .statistics import Estimate, below, estimate, pair_accuracy, ranks, spearman, within

INTACT = "intact"
SEVERITIES = (0.2, 0.4, 0.6, 0.8, 1.0)
STRONG = 0.8
"""Severities from here on count as strong."""
KINDS_A_SONG = 2
"""Kinds of damage each song meets, for each axis, in turn."""
DAMAGE_AXES = ("coherence", "clarity", "naturalness")
AXES = ("likes", "coherence", "musicality", "clarity", "naturalness")
TWINS = 0.9
"""Cosine between two songs' standardised features above which they are one recording."""

