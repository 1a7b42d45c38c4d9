"""MuQ and MusicFM: 24 kHz waveform -> a hidden state at 25 frames/s (arXiv 2501.01108, 2311.03318).

Both have one architecture: a mel spectrogram, two residual convolutions over time and pitch, and transformers'
conformer with rotary positions. No code from a repository is run.
"""

from collections.abc import Callable, Generator, Iterator
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...core.errors import WeightsInvalid
from ..hub import Snapshot
from ..kernels import DTYPES, activate, as_linear, attend_in_blocks, cast_linear_layers, release_mmap, use_fast_linear
from . import checkpoint, device, mel
from .encoder import IMPORTING

if TYPE_CHECKING:
    from transformers import Wav2Vec2ConformerConfig

MUQ_FILES, MUQ_CHECKPOINTS = ("config.json",), ("model.safetensors", "pytorch_model.bin")
MUSICFM_FILES, MUSICFM_CHECKPOINTS = ("msd_stats.json",), ("pretrained_msd.pt",)

SAMPLE_RATE = 24_000
SUBSAMPLING = 4
"""Number of spectrogram frames for each output frame: a stride of 2, twice."""
PIECE = 30 * SAMPLE_RATE
"""Samples of a piece that is encoded by itself: a whole number of frames, so that pieces and song stay aligned."""
FIXED = {"label_rate": 25, "hop_length": mel.HOP_LENGTH, "n_mels": mel.N_MELS, "features": ["melspec_2048"]}
FIXED_CONFORMER = {"position_embeddings_type": "rotary", "hidden_act": "swish"}
"""FIXED and FIXED_CONFORMER hold the settings that the tensors' shapes do not tell.

They are the same in both published models.
"""
PREFIX, LAYER = "model.", "conformer.layers."
TRAINING = ("quantizer_melspec_2048", "rvq.", "recon_proj.", "linear.", "cls_token", "conformer.pos_conv_embed.")
"""Beginnings of the names of tensors that only training used."""
COMPUTED = "preprocessor_melspec_2048."
"""Beginning of the names of the window and the mel filters in MusicFM's checkpoint. This package computes them."""

CHUNK = 128
"""Frames that the front end computes at once. Its first map takes 256 kB for each frame."""
BEFORE, AFTER = 3, 2
"""Numbers of frames BEFORE and AFTER a frame that the front end needs, besides the frame itself, to compute it."""
EDGE = 4
"""Number of frames at either end of a piece that differ from the song's frames because the piece was cut there."""
FRONT, REACH = 22.0, 12_000
"""Costs, counted in multiplications at the published sizes.

The front end costs as much as FRONT layers. Attention to REACH frames costs as much as the rest of its layer.
"""

T = TypeVar("T")
Steps: TypeAlias = Generator[float, None, T]
"""Generator that computes a T step by step. It yields the cost of each step, in layers times frames.

Closing the generator stops the computation.
"""


class Residual(nn.Module):
    """Residual block of maps: [S, C, H, W] -> [S, D, H / 2, W / 2]. Parameters are named as in the checkpoint."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs)
        self.conv3, self.bn3 = nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs)

    def fold(self, dtype: torch.dtype) -> None:
        """Fold the norms, whose statistics are fixed, into the convolutions, and cast the slow ones to `dtype`."""
        for i in "123":
            conv: Any = fuse_conv_bn_eval(getattr(self, f"conv{i}"), getattr(self, f"bn{i}"))
            conv.to(dtype if conv.in_channels > 1 else torch.float32).to(memory_format=torch.channels_last)
            setattr(self, f"conv{i}", conv)
            delattr(self, f"bn{i}")

    def forward(self, x: Tensor) -> Tensor:
        inner = _convolve(self.conv1, x).relu_()
        inner = _convolve(self.conv2, inner)
        return inner.add_(_convolve(self.conv3, x).to(inner.dtype)).relu_()


def _convolve(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    return convolution(x.to(convolution.weight.dtype, memory_format=torch.channels_last))


class FrontEnd(nn.Module):
    """Spectrogram [S, 1, N_MELS, 4 T] -> [S, T, D] float32. Parameters are named as in the checkpoint."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(Residual(1, channels), Residual(channels, channels))
        self.linear = nn.Linear(channels * mel.N_MELS // SUBSAMPLING, width)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x).permute(0, 3, 1, 2)
        return self.linear(maps.flatten(2)).float()


class Network(nn.Module):
    """The part of a checkpoint's network that is run. Parameters are named as in the checkpoint."""

    def __init__(self, config: "Wav2Vec2ConformerConfig", channels: int) -> None:
        with IMPORTING:
            from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerEncoder

        super().__init__()
        self.conv = FrontEnd(channels, config.hidden_size)
        self.conformer = Wav2Vec2ConformerEncoder(config)
        del self.conformer.pos_conv_embed  # transformers always makes it, but never uses it with rotary positions


class Convolution(nn.Module):
    """transformers' convolution module with its norm folded in: [S, T, D] -> [S, T, D].

    Time comes before channels throughout. The depthwise convolution then takes a twentieth of the time.
    """

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.layer_norm, self.activation = theirs.layer_norm, theirs.activation
        self.widen, self.narrow = (
            as_linear(conv.weight[:, :, 0]) for conv in (theirs.pointwise_conv1, theirs.pointwise_conv2)
        )
        self.depthwise = fuse_conv_bn_eval(theirs.depthwise_conv, theirs.batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        x = F.glu(self.widen(self.layer_norm(x))).float()
        conv = self.depthwise
        rows = x.transpose(1, 2)[:, :, None]  # [S, D, 1, T] with channels last in memory
        x = F.conv2d(rows, conv.weight[:, :, None], conv.bias, padding=(0, *conv.padding), groups=conv.groups)
        return self.narrow(self.activation(x[:, :, 0].transpose(1, 2)))


class Conformer:
    """A waveform -> the hidden state `layer`; 0 is the input of the first layer, i the output of layer i.

    Layers beyond `layer` are neither run nor kept. `precision`, a key of DTYPES, applies to the matrix products and to
    the slow convolutions. `mean` and `std` are the statistics of the spectrogram. Raises WeightsInvalid.
    """

    def __init__(self, path: Path, layer: int, mean: float, std: float, precision: str = "float32") -> None:
        network, self.is_last = _load(path, layer)
        self.mean, self.std, self.precision = mean, std, precision
        self.device, self.dtype = device.device(), DTYPES[precision]
        self.front_end, self.encoder = network.conv, network.conformer
        self.width = self.encoder.config.hidden_size
        for block in self.front_end.conv:
            block.fold(self.dtype)
        for block in self.encoder.layers:
            block.conv_module = Convolution(block.conv_module)
        if precision == "float32":
            use_fast_linear(network)
        else:
            cast_linear_layers(network, self.dtype)
            release_mmap([network])
            if self.device.type == "cpu":
                attend_in_blocks(self.encoder)
        for block in self.encoder.layers:
            activate(block.ffn1, "swish")
            activate(block.ffn2, "swish")
        network.to(self.device)
        self.mel = mel.Mel(SAMPLE_RATE, self.device)

    def encode(self, samples: Tensor) -> Tensor:
        """Encode all of `samples` [N] at once -> [T, D]."""
        return finish(self.encode_steps(samples))

    def encode_steps(self, samples: Tensor) -> Steps[Tensor]:
        """Encode all of `samples` [N] at once -> [T, D], step by step."""
        return (yield from self._through((yield from self._fronts(samples))))

    def encode_twice_steps(self, samples: Tensor) -> Steps[tuple[Tensor, Tensor]]:
        """Encode `samples` [N] in pieces of 30 s, joined -> [T', D], and all at once -> [T, D], step by step.

        A last piece that is too short for a spectrogram is left out. Except for their ends, the pieces' spectra are
        those of the song. So the front end, which takes most of the time, runs little more than once.
        """
        whole = yield from self._fronts(samples)
        starts = range(0, len(samples), PIECE)
        if len(starts) == 1:
            state = yield from self._through(whole)
            return state, state
        local = []
        for start in starts:
            piece = samples[start : start + PIECE]
            if len(piece) >= mel.MIN_SAMPLES:
                local.append((yield from self._through(self._piece(start, piece, whole))))
        return torch.cat(local), (yield from self._through(whole))

    def work(self, samples: int, twice: bool = False) -> float:
        """Return the cost that `encode_steps`, or with `twice` `encode_twice_steps`, yields in all, or a little more.

        `samples` is the number of samples.
        """
        length, layers = frames(samples), len(self.encoder.layers)
        pieces = length * (1 + frames(PIECE) / REACH) if twice and samples > PIECE else 0
        return FRONT * length + layers * (_work(length) + pieces)

    def front(self, samples: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Compute the first layer's input for `samples` [N], frames `first` to `last` (excluded): [T, D] float32."""
        mirrored, bands = mel.mirror(samples), mel.frames(len(samples))
        last = frames(len(samples)) if last is None else last
        out = torch.empty(last - first, self.width, device=self.device)
        for start in range(first, last, CHUNK):
            stop, begin = min(start + CHUNK, last), max(start - BEFORE, 0)
            spectrum = self.mel(mirrored, SUBSAMPLING * begin, min(SUBSAMPLING * (stop + AFTER), bands))
            made = self.front_end(((spectrum - self.mean) / self.std)[None, None])[0]
            out[start - first : stop - first] = made[start - begin : stop - begin]
        return out

    def hidden_states(self, x: Tensor) -> Iterator[Tensor]:
        """Yield each hidden state [T, D] in turn, from `front`'s [T, D] up to the one wanted."""
        x = x[None]
        yield x[0]
        positions = self.encoder.embed_positions(x)
        for i, layer in enumerate(self.encoder.layers, 1):
            x = layer(x, relative_position_embeddings=positions)
            ends = self.is_last and i == len(self.encoder.layers)
            yield (self.encoder.layer_norm(x) if ends else x)[0]

    def _fronts(self, samples: Tensor) -> Steps[Tensor]:
        """Compute `front`'s [T, D], chunk by chunk."""
        total, parts = frames(len(samples)), []
        for start in range(0, total, CHUNK):
            parts.append(self.front(samples, start, min(start + CHUNK, total)))
            yield FRONT * len(parts[-1])
        return torch.cat(parts)

    def _through(self, x: Tensor) -> Steps[Tensor]:
        """Compute the last hidden state [T, D] from `front`'s [T, D], layer by layer."""
        states = self.hidden_states(x)
        x = next(states)
        for x in states:
            yield _work(len(x))
        return x

    def _piece(self, start: int, piece: Tensor, whole: Tensor) -> Tensor:
        """Return `front`'s result for `piece`, which begins at sample `start` of a song.

        `whole` is `front`'s result for the song. All frames but those at the ends come from it.
        """
        at, length = frames(start), frames(len(piece))
        right = max(length - EDGE, min(EDGE, length))
        inner = whole[at + EDGE : at + right]
        return torch.cat([self.front(piece, 0, min(EDGE, length)), inner, self.front(piece, right, length)])


def frames(samples: int) -> int:
    """Return how many output frames that many samples give."""
    return -(-mel.frames(samples) // SUBSAMPLING)


def _work(frames: int) -> float:
    return frames * (1 + frames / REACH)


def finish(steps: Steps[T]) -> T:
    """Run `steps` to the end and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


class WholeSong:
    """Encodes a whole song into one embedding.

    `encode` computes frames [T, D] from the song's samples [N], and yields `work(N)` in all. `pool` turns the frames
    into the embedding. Attention over all frames takes seconds, so it is part of the embedding, which is cached, and
    not of the head.
    """

    rate, batch = SAMPLE_RATE, 1
    segment_seconds = inf
    part_seconds = 0.0
    embeddings_version = 2
    resampling = "soxr"

    def __init__(
        self,
        encode: Callable[[Tensor], Steps[Tensor]],
        work: Callable[[int], float],
        pool: Callable[[Tensor], Tensor],
        precision: str = "float32",
    ) -> None:
        self.encode, self.work, self.pool = encode, work, pool
        self.precision, self.reason, self.dtype = precision, "", DTYPES[precision]
        self.device = device.device()
        self._tensor_steps = device.borrowing(self.tensor_steps)

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [1, L] -> [1, E] float32. Nothing is padded, so `valid` [1] is not needed."""
        *_, embedding = self.steps(samples, valid)
        assert not isinstance(embedding, float)
        return embedding

    def steps(self, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
        """Yield repeatedly the share of the work that is done, and at last the embedding [1, E] float32.

        Closing the iterator stops the work within a layer.
        """
        for made in self._tensor_steps(torch.from_numpy(samples)):
            yield made if isinstance(made, float) else made.numpy()

    def tensor_steps(self, samples: Tensor) -> Iterator[float | Tensor]:
        """Yield shares of the work on `samples` [1, L], and at last [1, E] float32. Both tensors are in CPU memory."""
        steps, done = self._song(samples[0].to(self.device)), 0.0
        while True:
            with torch.inference_mode():  # the mode belongs to a thread, and another thread may run the next step
                made = next(steps, None)
            if made is None:
                return
            if isinstance(made, Tensor):
                yield made
            else:
                done += made
                yield done / self.work(samples.shape[1])

    def _song(self, samples: Tensor) -> Iterator[float | Tensor]:
        frames = yield from self.encode(samples)
        with torch.autocast(frames.device.type, self.dtype, enabled=self.dtype != torch.float32):
            pooled = self.pool(frames)
        yield pooled[None].cpu()


def muq(snapshot: Snapshot, layer: int, precision: str = "float32") -> Conformer:
    """Load MuQ up to its hidden state `layer`. Raises WeightsInvalid."""
    path = snapshot.folder / "config.json"
    published = checkpoint.read_json(path)
    _require(published, FIXED, path)
    _require(published.get("w2v2_config"), FIXED_CONFORMER, path)
    return Conformer(snapshot.checkpoint, layer, *_statistics(published.get("stat"), path), precision)


def musicfm(snapshot: Snapshot, layer: int, precision: str = "float32") -> Conformer:
    """Load MusicFM up to its hidden state `layer`. Raises WeightsInvalid."""
    path = snapshot.folder / "msd_stats.json"
    return Conformer(snapshot.checkpoint, layer, *_statistics(checkpoint.read_json(path), path), precision)


def _require(published: Any, fixed: dict[str, Any], path: Path) -> None:
    published = published if isinstance(published, dict) else {}
    for option, value in fixed.items():
        if published.get(option) != value:
            raise WeightsInvalid(
                "{file} sets {option} to {found!r}, not {wanted!r}. Check {path}.",
                file=path.name,
                option=option,
                found=published.get(option),
                wanted=value,
                path=path,
            )


def _statistics(content: Any, path: Path) -> tuple[float, float]:
    """Return the mean and the standard deviation of the spectrogram."""
    content = content if isinstance(content, dict) else {}
    mean, std = (content.get(f"melspec_2048_{name}") for name in ("mean", "std"))
    if not all(isinstance(number, int | float) and isfinite(number) for number in (mean, std)) or std <= 0:
        raise WeightsInvalid(
            "{file} says melspec_2048_mean {mean!r} and melspec_2048_std {std!r}. Check {path}.",
            file=path.name,
            mean=mean,
            std=std,
            path=path,
        )
    return float(mean), float(std)


def _load(path: Path, layer: int) -> tuple[Any, bool]:
    """Load the network up to its hidden state `layer`. Return it and whether this state is its last one."""
    state, total = _read_tensors(path, layer)
    try:
        config, channels = _config(state, layer)
        with torch.device("meta"):
            network = Network(config, channels)
    except KeyError as error:
        raise WeightsInvalid(
            "{file} does not fit: {name} is missing. Check {path}.", file=path.name, name=error.args[0], path=path
        ) from error
    except Exception as error:  # transformers and torch each have their own exceptions for values that make no network
        raise WeightsInvalid(
            "{file} has tensors of no shape that this network has. Check {path}.", file=path.name, path=path
        ) from error
    checkpoint.load(network, state, path)
    return network.eval().requires_grad_(False), layer == total


def _read_tensors(path: Path, layer: int) -> tuple[dict[str, Tensor], int]:
    """Read the tensors up to hidden state `layer`, without their common prefix, and the file's number of layers."""
    content = checkpoint.read(path)
    state, total = {}, 0
    for full, tensor in checkpoint.tensors(content.get("state_dict", content), path).items():
        name = full.removeprefix(PREFIX)
        if name == full:
            raise WeightsInvalid(
                "{file} does not fit: {name} lacks the prefix {prefix!r}. Check {path}.",
                file=path.name,
                name=name,
                prefix=PREFIX,
                path=path,
            )
        number = name.removeprefix(LAYER).split(".")[0] if name.startswith(LAYER) else ""
        total = max(total, int(number) + 1) if number.isdecimal() else total
        if not name.startswith((*TRAINING, COMPUTED)) and not (number.isdecimal() and int(number) >= layer):
            state[name] = tensor
    if total < layer:
        raise WeightsInvalid(
            "{file} holds {total} layers; hidden state {layer} is wanted. Check {path}.",
            file=path.name,
            total=total,
            layer=layer,
            path=path,
        )
    return state, total


def _config(state: dict[str, Tensor], layer: int) -> tuple["Wav2Vec2ConformerConfig", int]:
    """Return the network's sizes from the tensors' shapes: the conformer's sizes, and the front end's channels."""
    with IMPORTING:
        from transformers import Wav2Vec2ConformerConfig

    width = len(state["conv.linear.weight"])
    sizes: dict[str, Any] = {
        "hidden_size": width,
        "num_hidden_layers": layer,
        "num_attention_heads": width // (2 * len(state["conformer.embed_positions.inv_freq"])),
        "intermediate_size": len(state[f"{LAYER}0.ffn1.intermediate_dense.weight"]),
        "conv_depthwise_kernel_size": state[f"{LAYER}0.conv_module.depthwise_conv.weight"].shape[-1],
        "num_conv_pos_embedding_groups": 1,
        "attn_implementation": "sdpa",
    }
    config = Wav2Vec2ConformerConfig(**FIXED_CONFORMER | sizes)
    return config, len(state["conv.conv.0.conv1.weight"])
