"""The encoders: a song's file -> what its segments' rows hold, as the judges compute it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...audio.resample import resample
from ...audio.waveform import load_song
from ...core.settings import settings
from ...judges.loading import load_judge
from ...models import hub
from ...models.encoders import conformer, device
from ...models.encoders.conformer import PIECE, SAMPLE_RATE, WholeSong
from ...models.heads import apex, hear, songeval
from ...models.hub import Weights
from ...models.precision import AUTO, FLOAT32
from ..columns import EMBEDDING, FRAMES

JUDGES = {"mert-95m": "apex", "mert-330m": "banger", "pocket": "pocket"}
"""Encoder -> the judge whose embeddings of segments are extracted."""
STATES = {
    "musicfm": (0, conformer.musicfm, hear.LAYER),
    "muq": (1, conformer.muq, hear.LAYER),
    "muq-songeval": (1, conformer.muq, songeval.LAYER),
}
"""Encoder -> the place of its repository among those of HEAR, what loads it, and the hidden state that is taken."""
WHOLE_ONLY = ("muq-songeval",)
"""Encoders that hear the whole song alone, not also its pieces."""
ROW_FRAMES = conformer.frames(PIECE)
"""Number of frames in a row: those of 30 s."""


@dataclass(frozen=True)
class MadeBy:
    """What all rows of a folder have in common. `version` is that of the embeddings in the encoder's code."""

    encoder: str
    repository: str
    revision: str
    precision: str
    version: int


class SegmentEncoder:
    """Song -> the embeddings of its segments. With APEX_CACHE_DIR, those that a judge has computed are used."""

    column = EMBEDDING

    def __init__(self, name: str, weights: Path | None, precision: str | None = None) -> None:
        self.judge = load_judge(JUDGES[name], weights, precision)
        used, encoder = self.judge.weights[0], self.judge.encoder
        self.made_by = _made_by(name, used, encoder.precision, encoder.embeddings_version)

    def __call__(self, song: Path) -> Sequence[np.ndarray]:
        """Return a vector [D] for each segment. For mert-95m, it is the input of APEX's network."""
        embeddings = self.judge.embeddings(song).embeddings
        if self.made_by.encoder == "mert-95m":
            return [*apex.mix(torch.from_numpy(embeddings), *apex.published_mix()).numpy()]
        return [*embeddings.reshape(len(embeddings), -1)]


class FrameEncoder:
    """Song -> a hidden state of one encoder over the whole song. HEAR's also have that of pieces of 30 s before it."""

    column = FRAMES

    def __init__(self, name: str, weights: Path | None, precision: str | None = None) -> None:
        config = settings()
        place, load_encoder, layer = STATES[name]
        snapshot = hub.fetch(hear.TRACK_2.repositories(config)[place], weights or config.weights)
        wanted = precision or config.precision
        chosen = FLOAT32 if wanted == AUTO else wanted  # `auto` compares scores, and there is no head here
        self.encoder = load_encoder(snapshot, layer, chosen)
        self.made_by = _made_by(name, snapshot.weights, chosen, WholeSong.embeddings_version)

    def __call__(self, song: Path) -> Sequence[np.ndarray]:
        """Return frames for each 30 s: [T, D], or [T, 2 D] of the pieces first and then of the whole song."""
        waveform = load_song(song)
        samples = torch.from_numpy(resample(waveform.samples, waveform.rate, SAMPLE_RATE, WholeSong.resampling))
        with torch.inference_mode():
            frames = self._frames(samples.to(device.device())).float().cpu().numpy()
        return [frames[start : start + ROW_FRAMES] for start in range(0, len(frames), ROW_FRAMES)]

    def _frames(self, samples: Tensor) -> Tensor:
        if self.made_by.encoder in WHOLE_ONLY:
            return self.encoder.encode(samples)
        local, whole = conformer.finish(self.encoder.encode_twice_steps(samples))
        length = min(len(local), len(whole))
        return torch.cat([local[:length], whole[:length]], 1)


SongEncoder = SegmentEncoder | FrameEncoder


def load(name: str, weights: Path | None = None, precision: str | None = None) -> SongEncoder:
    """Load an encoder by its name. `weights` and `precision` replace the settings of that name. Raises WeightsError."""
    kind = SegmentEncoder if name in JUDGES else FrameEncoder
    return kind(name, weights, precision)


def _made_by(name: str, weights: Weights, precision: str, version: int) -> MadeBy:
    return MadeBy(name, weights.repository, str(weights.revision), precision, version)
