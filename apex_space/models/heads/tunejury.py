"""TuneJury: CLAP's embedding of ten seconds -> one score of how much people prefer a song (arXiv 2606.17006).

The published head also hears MERT-v1-330M on the whole song, and CLAP's embedding of a prompt. The one that hears CLAP
alone predicts people's choices as well, so it is the default. Both are computed as in the published script that scored
whole collections: CLAP hears the middle of the song, and there is no prompt unless one is given.

WHOLE is an extension of ours: the same networks on CLAP alone, but CLAP hears the song in parts of ten seconds, one
after another. The song's score is the mean of the parts' scores.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from math import inf
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...audio.resample import resample
from ...core.axes import BY_KEY
from ...core.errors import WeightsInvalid
from ...core.settings import Settings
from .. import precision
from ..encoders import clap, clap_text, device, mert
from ..encoders.clap import ClapAudio
from ..encoders.conformer import Steps, WholeSong
from ..encoders.mert import MertEncoder
from ..hub import Repository, Snapshot, Weights
from . import mlp

CHECKPOINTS = {
    "audio": ("input_ablation/A1_clap_audio_only.pt", "A1_clap_audio_only.pt"),
    "all": ("tunejury.pt",),
    "prompt": ("tunejury.pt",),
}
"""Names of the head's file, by the setting `tunejury_inputs`."""
CLAP, TEXT = 512, 512
ALL = CLAP + mert.WIDTH_330M + TEXT
INPUTS = {"audio": CLAP, "all": ALL, "prompt": ALL}
"""How much a head hears: CLAP's embedding of the song, MERT's, and CLAP's embedding of the prompt, in this order."""
MIN_SECONDS = 5.0
"""Least length of a part that counts in a longer song's score: half a part. A shorter rest is heard over and over."""
ENCODERS = {"audio": 1, "all": 2, "prompt": 3}
"""How many of CLAP, MERT and RoBERTa's tokens a head needs."""
HIDDEN = (1024, 512, 256, 128)
AXIS = BY_KEY["appeal"]
PIECE, SHORTEST = 300 * 24_000, 24_000
"""Samples that MERT hears at once: 5 minutes. A last piece shorter than SHORTEST is heard with the piece before it."""
REASON = "it is fast as it is"
FRONT = 4
"""The front end of MERT takes as long as about four of its layers."""


class TuneJuryEncoder:
    """Encodes a song: CLAP's embedding of its middle, and if there is a `mert`, MERT's of all of it."""

    rate, resampling, batch = 24_000, "sinc", 1
    segment_seconds = inf
    part_seconds = 0.0
    embeddings_version = 1
    reason = REASON

    def __init__(self, clap: ClapAudio, mert: MertEncoder | None = None) -> None:
        self.clap, self.mert = clap, None if mert is None else whole_song(mert)
        self.precision = "float32" if mert is None else mert.precision

    def for_song(self, samples: np.ndarray, rate: int) -> "SongEncoder":
        """Return an encoder for the song whose decoded `samples` [N] have `rate` Hz."""
        return SongEncoder(self.clap, clap.crop(resample(samples, rate, clap.SAMPLE_RATE)), self.mert)

    def heard(self, length: int) -> tuple[int, int]:
        """Return the first sample, and the number of samples, that are heard of `length` samples at `rate`."""
        most = length if self.mert else self.rate * clap.CLIP // clap.SAMPLE_RATE
        return max(0, length - most) // 2, min(length, most)

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [1, L], a song at `rate` -> [1, E]. Nothing is padded, so `valid` [1] is not needed."""
        *_, embedding = self.for_song(samples[0], self.rate).steps(samples, valid)
        assert not isinstance(embedding, float)
        return embedding


@dataclass(frozen=True)
class SongEncoder:
    """Encodes one song, of which CLAP hears `clip` [CLIP]."""

    clap: ClapAudio
    clip: np.ndarray
    mert: WholeSong | None

    def steps(self, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
        """Yield repeatedly the share of the work that is done, and at last the embedding [1, E] float32.

        `samples` [1, L] are the whole song at MERT's rate.
        """
        heard = self.clap(self.clip)
        if self.mert is None:
            yield heard
            return
        for made in self.mert.steps(samples, valid):
            yield made if isinstance(made, float) else np.concatenate([heard, made], 1)


class PartsEncoder:
    """Encodes a song's parts of ten seconds: CLAP's embedding of each. A shorter part is heard as a short song is."""

    rate, resampling = clap.SAMPLE_RATE, "sinc"
    segment_seconds = clap.CLIP / clap.SAMPLE_RATE
    precision, reason = "float32", REASON
    part_seconds = 0.0
    embeddings_version = 1

    def __init__(self, clap: ClapAudio) -> None:
        self.clap, self.batch = clap, device.SEGMENTS_AT_ONCE[clap.device.type]

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [S, CLIP], zero-padded beyond `valid` [S] samples -> [S, CLAP]."""
        return self.clap(np.stack([clap.crop(part[:length]) for part, length in zip(samples, valid, strict=True)]))


def whole_song(encoder: MertEncoder) -> WholeSong:
    """Return an encoder of whole songs: the mean over time of MERT's last hidden state."""

    def encode(samples: Tensor) -> Steps[Tensor]:
        frames = []
        for piece in pieces(samples):
            for layer, state in enumerate(encoder.hidden_states(piece[None])):
                last = state
                yield len(piece) * (1.0 if layer else FRONT)
            frames.append(last[0])
        return torch.cat(frames)

    def work(samples: int) -> float:
        return samples * (FRONT + float(encoder.config.num_hidden_layers))

    return WholeSong(encode, work, lambda frames: frames.mean(0), encoder.precision)


def pieces(samples: Tensor) -> list[Tensor]:
    """Cut `samples` [N] into the pieces that MERT hears at once."""
    cut = list(samples.split(PIECE))
    if len(cut) > 1 and len(cut[-1]) < SHORTEST:
        cut[-2:] = [torch.cat(cut[-2:])]
    return cut


EncodesPrompt = Callable[[str], np.ndarray]
"""Encodes a prompt -> [TEXT]."""


class TuneJuryHead:
    """Embeddings -> {"appeal": scores}, which have no bounds. With `encode`, the head can hear a prompt."""

    axes = (AXIS.key,)
    missing: Mapping[str, str] = {}
    spread: Mapping[str, float] = {}
    pooling = "score"

    def __init__(self, path: Path, inputs: int, encode: EncodesPrompt | None = None) -> None:
        self.inputs, self.network = inputs, mlp.load((inputs, *HIDDEN), path)
        self.hears_prompts, self._encode = encode is not None, encode
        self._text: Tensor | None = None

    def prompted(self, prompt: str) -> "TuneJuryHead":
        """Return this head with a prompt, which all songs are scored for. An empty one is none, as published."""
        assert self._encode is not None
        head = copy(self)
        head._text = torch.from_numpy(self._encode(prompt)) if prompt else None
        return head

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S]: their lengths `seconds` [S].

        A segment that is too short to be judged has weight 0, unless it is the whole song.
        """
        long = np.where(seconds >= MIN_SECONDS, seconds, 0)
        return long if long.any() else seconds

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, E] -> {"appeal": [S]}.

        A head that could hear a prompt gets zeros without one: that is how it was trained on songs without a prompt.
        """
        heard = F.pad(torch.from_numpy(embeddings), (0, self.inputs - embeddings.shape[1]))
        if self._text is not None:
            heard[:, -TEXT:] = self._text
        with torch.inference_mode():
            return {AXIS.key: self.network(heard).numpy()}


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """Return the repositories of CLAP, of MERT and RoBERTa's tokens if the head hears these, and of the head."""
    heard = settings.tunejury_inputs
    encoders = (
        Repository(settings.clap_repo, settings.clap_revision, (), clap.CHECKPOINTS),
        Repository(settings.banger_mert_repo, settings.banger_mert_revision, mert.FILES, mert.CHECKPOINTS),
        Repository(settings.roberta_repo, settings.roberta_revision, (), clap_text.TOKENS),
    )
    head = Repository(settings.tunejury_repo, settings.tunejury_revision, (), CHECKPOINTS[heard])
    return *encoders[: ENCODERS[heard]], head


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[TuneJuryEncoder, TuneJuryHead]:
    """Load encoder and head from the repositories' files. Raises WeightsInvalid."""
    encode = _prompts(snapshots[0], snapshots[2]) if settings.tunejury_inputs == "prompt" else None
    head = TuneJuryHead(snapshots[-1].checkpoint, INPUTS[settings.tunejury_inputs], encode)
    heard = _clap(snapshots[0])
    if settings.tunejury_inputs == "audio":
        return TuneJuryEncoder(heard), head

    def make(chosen: str) -> TuneJuryEncoder:
        encoder = MertEncoder(snapshots[1], (), chosen)
        mert.require_330m(encoder, snapshots[1], "TuneJury")
        return TuneJuryEncoder(heard, encoder)

    return precision.choose(settings.precision, make, head, precision.CAUTIOUS), head


def _prompts(clap: Snapshot, tokens: Snapshot) -> EncodesPrompt:
    """Return what encodes prompts. Its network, of 0.5 GB, is in memory only while it works."""
    return lambda prompt: clap_text.ClapText(clap.checkpoint, tokens.checkpoint)(prompt)


class Whole:
    """TuneJury on CLAP alone, which hears all of a song. It is a judge of its own."""

    def repositories(self, settings: Settings) -> tuple[Repository, ...]:
        """Return the repositories of CLAP and the head."""
        return repositories(settings.model_copy(update={"tunejury_inputs": "audio"}))

    def load(self, snapshots: Sequence[Snapshot], settings: Settings) -> tuple[PartsEncoder, TuneJuryHead]:
        """Load encoder and head from the repositories' files. Raises WeightsInvalid."""
        return PartsEncoder(_clap(snapshots[0])), TuneJuryHead(snapshots[1].checkpoint, CLAP)


WHOLE = Whole()
_CLAPS: WeakValueDictionary[tuple[Path, Weights], ClapAudio] = WeakValueDictionary()
"""The CLAP that is in memory, if any. Both judges hear it."""


def _clap(snapshot: Snapshot) -> ClapAudio:
    key = snapshot.checkpoint, snapshot.weights
    if (known := _CLAPS.get(key)) is not None:
        return known
    encoder = ClapAudio(snapshot.checkpoint)
    if encoder.width != CLAP:
        raise WeightsInvalid(
            "{folder} holds a CLAP whose embeddings have {width} numbers; TuneJury hears {wanted}. Name another "
            "repository or folder.",
            folder=snapshot.folder,
            width=encoder.width,
            wanted=CLAP,
        )
    _CLAPS[key] = encoder
    return encoder
