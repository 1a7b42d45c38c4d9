"""CLAP's audio branch: ten seconds of a 48 kHz waveform -> one embedding of length 1 (arXiv 2211.06687).

The weights are those of LAION's own file. The network is the audio half of transformers' ClapModel. Its text half is
not built, and its preprocessing, which crops long songs at random, is not used.
"""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import WeightsInvalid
from ..kernels import use_fast_linear
from . import checkpoint, device
from .encoder import IMPORTING

if TYPE_CHECKING:
    from transformers import ClapAudioConfig

CHECKPOINTS = ("music_audioset_epoch_15_esc_90.14.pt",)
SCALAR = np.float64(0).__reduce__()[0]
ALLOWED = (SCALAR, (SCALAR, "numpy.core.multiarray.scalar"), np.dtype, np.dtypes.Float64DType)
"""What LAION's file holds besides tensors: a number of the optimizer, which NumPy 1 and 2 store by different names."""

SAMPLE_RATE, CLIP = 48_000, 480_000
"""Samples per second, and samples of a clip: 10 s."""
LOUDEST = 32_767
"""Largest 16-bit sample. The published code rounds songs to 16 bits before CLAP hears them."""
N_FFT, HOP_LENGTH, N_MELS = 1024, 480, 64
LOWEST, HIGHEST = 50.0, 14_000.0
"""Lowest and highest frequency that is heard, in Hz."""
MIN_POWER = 1e-10

PREFIX = "module."
TEXT = ("text_branch.", "text_projection.", "logit_scale_")
UNUSED = re.compile(
    r"audio_branch\.(spectrogram_extractor|logmel_extractor|tscam_conv|head)\.|(audio|text)_transform\.|.*\.attn_mask$"
)
"""Names of tensors that are computed, or that no embedding needs."""
RENAMED = {
    "audio_branch.": "audio_model.audio_encoder.",
    ".bn0.": ".batch_norm.",
    ".norm1.": ".layernorm_before.",
    ".norm2.": ".layernorm_after.",
    ".mlp.fc1.": ".intermediate.dense.",
    ".mlp.fc2.": ".output.dense.",
    ".attn.proj.": ".attention.output.dense.",
    ".attn.": ".attention.self.",
    "audio_projection.0.": "audio_projection.linear1.",
    "audio_projection.2.": "audio_projection.linear2.",
}
"""Parts of LAION's names, and of transformers' names for the same tensors."""
JOINED, PARTS = ".self.qkv.", (".self.query.", ".self.key.", ".self.value.")
"""The name of three layers that LAION stores as one, and their own names."""
NO_CLAP = "{file} is not a CLAP of LAION, by its names and shapes. Check {path}."
BLOCK = re.compile(r"audio_branch\.layers\.(\d+)\.blocks\.\d+\.norm1\.weight")


class ClapAudio:
    """Encodes clips of ten seconds. Raises WeightsInvalid for a file that is not a CLAP of LAION."""

    def __init__(self, path: Path) -> None:
        with IMPORTING:
            from transformers.audio_utils import mel_filter_bank

        self.device = device.device()
        self.network = _load(path).to(self.device)
        use_fast_linear(self.network)
        self.width: int = self.network.config.projection_dim
        filters = mel_filter_bank(
            N_FFT // 2 + 1, N_MELS, LOWEST, HIGHEST, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.filters = torch.from_numpy(filters).to(self.device)
        self._embed = device.borrowing(self.embed)

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """Encode `clips` [S, CLIP], or a clip [CLIP], made by `crop` -> [S, D] float32."""
        return self._embed(torch.from_numpy(np.atleast_2d(clips))).numpy()

    def embed(self, clips: Tensor) -> Tensor:
        """Encode `clips` [S, CLIP] -> [S, D]. Both tensors are in CPU memory."""
        with torch.inference_mode():
            spectra = self.spectrogram(clips.to(self.device)).float()[:, None]
            return F.normalize(self.network(input_features=spectra).audio_embeds, dim=-1).cpu()

    def spectrogram(self, clips: Tensor) -> Tensor:
        """Compute the mel spectrogram of `clips` [S, CLIP] in dB: [S, T, N_MELS] float64."""
        window = torch.hann_window(N_FFT, dtype=torch.float64, device=clips.device)
        spectra = torch.stft(clips.double(), N_FFT, HOP_LENGTH, window=window, return_complex=True)
        return 10 * (spectra.abs().square().transpose(1, 2) @ self.filters).clamp(MIN_POWER).log10()


def crop(samples: np.ndarray) -> np.ndarray:
    """Return the clip [CLIP] float32 that CLAP hears of `samples` [N] at SAMPLE_RATE, N > 0.

    It is the middle of a song, rounded to 16 bits as published. A shorter sound is repeated as often as it fits, and
    silence follows.
    """
    start = max(0, (len(samples) - CLIP) // 2)
    clip = np.clip(samples[start : start + CLIP], -1, 1)
    whole = (clip * np.float32(LOUDEST)).astype(np.int16).astype(np.float32) / LOUDEST
    repeated = np.tile(whole, CLIP // len(whole))
    return np.pad(repeated, (0, CLIP - len(repeated)))


def _load(path: Path) -> Any:
    """Load the audio half of a CLAP. Every tensor of it must be there, and none may be left over."""
    content = checkpoint.read(path, ALLOWED)
    published = checkpoint.tensors(content.get("state_dict", content), path)
    state = {name.removeprefix(PREFIX): tensor for name, tensor in published.items()}
    network = _blank(state, path)
    try:
        audio = renamed(state)
    except ValueError as error:  # three layers that are stored as one, but cannot be cut in three
        raise WeightsInvalid(NO_CLAP, file=path.name, path=path) from error
    checkpoint.load(network, audio, path)
    return network.eval().requires_grad_(False)


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the audio half's tensors in LAION's `state` under transformers' names, and unknown tensors unchanged."""
    made: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if UNUSED.match(name) or name.startswith(TEXT):
            continue
        for theirs, ours in RENAMED.items():
            name = name.replace(theirs, ours)
        if JOINED in name:
            made |= {name.replace(JOINED, part): third for part, third in zip(PARTS, tensor.chunk(3), strict=True)}
        else:
            made[name] = tensor
    return made


def _blank(state: dict[str, Tensor], path: Path) -> Any:
    """Return the network of the sizes that the tensors' shapes tell, without weights."""
    with IMPORTING:
        from transformers import ClapAudioModelWithProjection

    try:
        with torch.device("meta"):
            return ClapAudioModelWithProjection(_config(state))
    except Exception as error:  # a missing name, or what transformers and torch raise for shapes that make no network
        raise WeightsInvalid(NO_CLAP, file=path.name, path=path) from error


def _config(state: dict[str, Tensor]) -> "ClapAudioConfig":
    with IMPORTING:
        from transformers import ClapAudioConfig

    blocks = Counter(int(found[1]) for name in state if (found := BLOCK.fullmatch(name)))
    table = "audio_branch.layers.{}.blocks.0.attn.relative_position_bias_table"
    projection, width = state["audio_projection.0.weight"].shape
    return ClapAudioConfig(
        depths=[blocks[stage] for stage in range(len(blocks))],
        num_attention_heads=[state[table.format(stage)].shape[1] for stage in range(len(blocks))],
        patch_embeds_hidden_size=len(state["audio_branch.patch_embed.proj.weight"]),
        hidden_size=width,
        projection_dim=projection,
    )
