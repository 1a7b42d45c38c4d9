"""How fast this machine is, measured on the spot: `python -m apex_space bench`.

Speed does not depend on the weights' values, so random ones of the published shapes are made for the measurement.
"""

import gc
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parametrize
from transformers import HubertConfig, HubertModel

from . import measures, precision
from .audio import load
from .encoders.mert import FILES, KERNELS, STRIDES, MertEncoder
from .heads.apex import AESTHETICS, DEPTHS, LAYERS, POPULARITY, ApexNetwork
from .hub import Repository, fetch
from .judges import load_judge
from .memory import Memory
from .resample import resample
from .segments import cut

RATE, SEGMENT_SECONDS = 24_000, 30
SONG_SECONDS, SONG_RATE = 180, 44_100
LENGTHS = (30, 60, 120, 300, 600)
CONFIG: dict[str, Any] = {
    "conv_bias": False, "conv_dim": [512] * 7, "conv_kernel": KERNELS, "conv_stride": STRIDES, "do_normalize": True,
    "feat_extract_norm": "group", "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
    "num_conv_pos_embedding_groups": 16, "num_conv_pos_embeddings": 128, "num_hidden_layers": 12,
}  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """Seconds of each counted run of `what`, for each of `per` units."""

    what: str
    per: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def span(self) -> str:
        """The least and the most."""
        return f"{min(self.runs):.3f}–{max(self.runs):.3f}"


@dataclass(frozen=True)
class Bench:
    """One run: `rates` are this machine's matrix products in TFLOP/s, `flop` those of a segment, by precision."""

    machine: dict[str, str]
    rates: dict[str, float]
    flop: float
    encoders: tuple[Timing, ...]
    stages: tuple[Timing, ...]
    lengths: dict[int, float]
    peak_memory: dict[str, float]

    def ratio(self, timing: Timing) -> float:
        """How many times as fast as the plain path, the first of `encoders`: the median of the runs' ratios."""
        return statistics.median(a / b for a, b in zip(self.encoders[0].runs, timing.runs, strict=True))

    def of_floor(self, timing: Timing) -> float:
        """Time over that of the bare matrix products, at this machine's own rate in that precision."""
        rate = self.rates["bfloat16" if "bfloat16" in timing.what else "float32"]
        return timing.median / (self.flop / rate / 1e12)


def run(rounds: int, say: Callable[[str], object]) -> Bench:
    """Measure everything; `say` hears what is being measured."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("making random weights")
        make_weights(folder)
        rates = {name: matrix_rate(dtype) for name, dtype in DTYPES.items()}
        encoders = time_encoders(folder, rounds, say)
        say("decoding, resampling, measuring, scoring")
        stages = tuple(time_stages(folder, rounds))
        best = "bfloat16" if precision.native_bfloat16() else "float32"
        lengths = time_lengths(folder, best, say)
        peaks = {}
        longest = make_song(folder, LENGTHS[-1])
        for name in DTYPES if best == "bfloat16" else ("float32",):
            say(f"peak memory of a 10-minute song in {name}")
            peaks[name] = in_own_process(peak_memory, folder, name, longest)
        return Bench(machine(), rates, flop_per_segment(), encoders, stages, lengths, peaks)


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def make_weights(folder: Path) -> None:
    """The files of MERT-v1-95M and of an APEX head with random numbers."""
    target = folder / "MERT-v1-95M"
    target.mkdir()
    with torch.random.fork_rng(devices=[]):
        model = HubertModel(HubertConfig(**CONFIG, mask_time_prob=0.0))
    parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    state = model.state_dict()
    name = "encoder.pos_conv_embed.conv.weight"
    direction = state.pop(name)
    state |= {f"{name}_v": direction, f"{name}_g": direction.norm(dim=(0, 1), keepdim=True)}
    torch.save(state, target / "pytorch_model.bin")
    (target / "config.json").write_text(json.dumps(CONFIG))
    (target / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": RATE, "do_normalize": True}))
    (folder / "apex").mkdir()
    torch.save(ApexNetwork(POPULARITY + AESTHETICS, min(DEPTHS)).state_dict(), folder / "apex" / "best_model.pt")


def encoder(folder: Path, chosen: str) -> MertEncoder:
    """Ours, as APEX uses it."""
    return MertEncoder(fetch(Repository("MERT-v1-95M", "", FILES, ("pytorch_model.bin",)), folder), LAYERS, chosen)


def plain(clip: np.ndarray) -> Callable[[], Any]:
    """The published path: `HubertModel` as transformers ships it, all hidden states, four of them averaged."""
    with torch.random.fork_rng(devices=[]):
        model = HubertModel(HubertConfig(**CONFIG)).eval()

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            states = model(torch.from_numpy(clip), output_hidden_states=True).hidden_states
            return torch.stack([states[layer].mean(1) for layer in LAYERS], 1)

    return forward


def time_encoders(folder: Path, rounds: int, say: Callable[[str], object]) -> tuple[Timing, ...]:
    """The plain path and ours in each precision, in turn."""
    clip = np.random.default_rng(0).standard_normal((1, SEGMENT_SECONDS * RATE), dtype=np.float32)
    valid = np.array([clip.shape[1]])
    ours = {name: encoder(folder, name) for name in DTYPES}
    contenders: dict[str, Callable[[], Any]] = {"plain HubertModel, float32": plain(clip)}
    contenders |= {f"ours, {name}": partial(own, clip, valid) for name, own in ours.items()}
    runs: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds + 1):  # the first one warms up
        say(f"encoding, round {round_} of {rounds}")
        for name in contenders:
            runs[name].append(timed(contenders[name]))
    return tuple(Timing(name, "segment", tuple(seconds[1:])) for name, seconds in runs.items())


def time_stages(folder: Path, rounds: int) -> Iterator[Timing]:
    """What else a three-minute stereo mp3 costs."""
    song = make_song(folder, SONG_SECONDS)
    waveform = load(song)
    samples = resample(waveform.samples, waveform.rate, RATE)
    network = ApexNetwork(("streams", "likes"), max(DEPTHS)).eval()
    pocket = load_judge("pocket")

    known = replace(pocket, memory=Memory())
    stages: dict[str, Callable[[], Any]] = {
        "decode, with levels": lambda: load(song),
        "resample to 24 kHz": lambda: resample(waveform.samples, waveform.rate, RATE),
        "measure tempo, key, bandwidth": lambda: measures.measure(waveform, samples, RATE),
        "head, one song": lambda: network(torch.zeros(1, DEPTHS[2][0])),
        "pocket, from file to report": lambda: replace(pocket, memory=Memory())(song),
        "the same song again": lambda: known(song),
    }
    for what, stage in stages.items():
        stage()
        yield Timing(what, "3-minute mp3", tuple(timed(stage) for _ in range(rounds)))


def make_song(folder: Path, seconds: int) -> Path:
    """A stereo mp3 of tones, beats and noise."""
    import soundfile

    time_ = np.arange(seconds * SONG_RATE) / SONG_RATE
    beats = np.exp(-12 * (time_ % 0.5)) * np.random.default_rng(0).standard_normal(len(time_))
    left = 0.2 * np.sin(2 * np.pi * 220 * time_) + 0.1 * beats
    path = folder / f"{seconds}.mp3"
    soundfile.write(path, np.stack([left, 0.8 * left + 0.05 * beats], 1).astype(np.float32), SONG_RATE)
    return path


def time_lengths(folder: Path, chosen: str, say: Callable[[str], object]) -> dict[int, float]:
    """Seconds to encode a song, by its length in seconds."""
    ours = encoder(folder, chosen)
    found = {}
    for seconds in LENGTHS:
        say(f"a song of {seconds} s")
        noise = np.random.default_rng(0).standard_normal(seconds * RATE, dtype=np.float32)
        found[seconds] = timed(partial(encode, ours, noise))
    return found


def encode(ours: MertEncoder, samples: np.ndarray) -> list[np.ndarray]:
    """Segment by segment, as the judge does."""
    segments = cut(samples, SEGMENT_SECONDS * RATE)
    return [ours(segments.samples[i : i + 1], segments.valid[i : i + 1]) for i in range(len(segments))]


def peak_memory(folder: Path, chosen: str, song: Path) -> float:
    """Largest resident memory in GB of the APEX judge, from loading it to its report on `song`; in its own process."""
    load_judge("apex", folder, chosen)(song)
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage's peak outlives exec: the parent's
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in a fresh Python."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def matrix_rate(dtype: torch.dtype) -> float:
    """TFLOP/s of a matrix product of the encoder's size, the best of ten."""
    frames, width, inner = 2249, CONFIG["hidden_size"], CONFIG["intermediate_size"]
    a, b = torch.randn(frames, width, dtype=dtype), torch.randn(inner, width, dtype=dtype)
    product = lambda: [torch.nn.functional.linear(a, b) for _ in range(10)]  # noqa: E731
    product()
    return 10 * 2 * frames * width * inner / min(timed(product) for _ in range(10)) / 1e12


def flop_per_segment() -> float:
    """Multiplications and additions of the network's matrix products for one segment."""
    frames, total, channels = SEGMENT_SECONDS * RATE, 0, 1
    for kernel, stride, outputs in zip(KERNELS, STRIDES, CONFIG["conv_dim"], strict=True):
        frames = (frames - kernel) // stride + 1
        total += frames * kernel * channels * outputs
        channels = outputs
    width, inner, layers = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["num_hidden_layers"]
    position = CONFIG["num_conv_pos_embeddings"] * width // CONFIG["num_conv_pos_embedding_groups"]
    total += frames * width * (channels + position)
    total += layers * frames * width * (4 * width + 2 * inner + 2 * frames)
    return 2.0 * total


def timed(action: Callable[[], Any]) -> float:
    """Seconds that `action` takes."""
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine() -> dict[str, str]:
    """What this was measured on."""
    has = torch.cpu.get_capabilities()
    products = [name for name in ("amx_bf16", "avx512_bf16", "avx512_f", "avx2") if has.get(name)]
    return {
        "processor": str(has.get("cpu_name") or platform.processor()),
        "instructions": ", ".join(products),
        "threads": str(torch.get_num_threads()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "software": f"Python {platform.python_version()}, torch {torch.__version__}",
    }


def as_json(bench: Bench) -> str:
    """Every run and what follows from them."""
    derived = {t.what: {"ratio": bench.ratio(t), "of_floor": bench.of_floor(t)} for t in bench.encoders}
    return json.dumps(asdict(bench) | {"derived": derived}, indent=1)


def as_markdown(bench: Bench) -> str:
    """The tables of BENCHMARKS.md."""
    lines = [f"- {name}: {value}" for name, value in bench.machine.items()]
    lines += [f"- matrix products in {name}: {rate:.2f} TFLOP/s" for name, rate in bench.rates.items()]
    lines += [f"- products of one segment: {bench.flop / 1e12:.2f} TFLOP", ""]
    lines += [
        "| encoder, one 30 s segment | median s | least–most | times as fast | times its floor |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {t.what} | {t.median:.2f} | {t.span} | {bench.ratio(t):.2f} | {bench.of_floor(t):.2f} |"
        for t in bench.encoders
    ]
    lines += ["", f"| stage, {bench.stages[0].per} | median s | least–most |", "|---|---|---|"]
    lines += [f"| {t.what} | {t.median:.3f} | {t.span} |" for t in bench.stages]
    lines += ["", "| song, s | encoded in, s | s for each 30 s |", "|---|---|---|"]
    lines += [
        f"| {length} | {seconds:.1f} | {seconds * 30 / length:.2f} |" for length, seconds in bench.lengths.items()
    ]
    lines += [""] + [f"Peak memory for ten minutes in {name}: {gb:.2f} GB" for name, gb in bench.peak_memory.items()]
    return "\n".join(lines) + "\n"


def as_svg(bench: Bench) -> str:
    """Bars of seconds per segment, each with its floor as a mark."""
    scale = 460 / max(t.median for t in bench.encoders)
    rows = []
    for row, timing in enumerate(bench.encoders):
        y, width = 30 + 44 * row, timing.median * scale
        floor = width / bench.of_floor(timing)
        rows.append(
            f'<text x="8" y="{y + 17}">{timing.what}</text>'
            f'<rect x="200" y="{y}" width="{width:.0f}" height="24" rx="3" fill="#0f766e"/>'
            f'<path d="M{200 + floor:.0f} {y - 4}v32" stroke="#d55e00" stroke-width="3"/>'
            f'<text x="{208 + width:.0f}" y="{y + 17}">{timing.median:.2f} s, {bench.ratio(timing):.1f}x</text>'
        )
    height = 40 + 44 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}" font-family="system-ui, sans-serif" '
        f'font-size="14" fill="#808080"><title>Seconds for a 30 s segment; the mark is the floor of the matrix products'
        f"</title>{''.join(rows)}</svg>\n"
    )
