"""The pocket head: features -> five scores, by small models shipped with this file (see `pocket.md`)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..axes import BY_KEY
from ..encoders.pocket import PocketEncoder
from ..errors import WeightsInvalid
from ..hub import Repository, Snapshot
from ..report import Weights
from ..settings import Settings

PATH = Path(__file__).with_name("pocket.safetensors")
