"""Measures how far the scores of windows, made of averages, are from those of the really encoded windows:
`PYTHONPATH=.:tests python tests/thorough/windows.py apex WEIGHTS SONG...`.

The beginning of each song is scored as the judge does. Then windows that lie in two segments are encoded by themselves,
as if the song began there: by default those that reach 5 and 15 s into the second one. After each song, a line for each
axis has the error so far, beside the deviation of the windows' scores within the songs: an error well below it leaves
the curve its shape. The cost of the averages and of the windows is a share of the time to encode.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from os import environ
from pathlib import Path

import numpy as np
import torch

from apex_space import load_judge
from apex_space.audio.features import AudioFeatures
from apex_space.audio.resample import resample
from apex_space.audio.segments import SEGMENT_SECONDS, cut
from apex_space.audio.waveform import load_song
from apex_space.judges import windows
from apex_space.judges.embedding_cache import CachedEmbeddings
from apex_space.models.encoders import mert
from apex_space.models.encoders.mert import MertEncoder

NOTHING = AudioFeatures(None, None, None, 0.0, 0.0, 0.0, 0, 1)


def encode(encoder: MertEncoder, samples: np.ndarray) -> CachedEmbeddings:
    """Return the embeddings of a song's segments and of their parts."""
    found = cut(samples, SEGMENT_SECONDS * encoder.rate)
    made = [encoder.in_parts(found.samples[i : i + 1], found.valid[i : i + 1]) for i in range(len(found))]
    embeddings, parts = (np.concatenate(each) for each in zip(*made, strict=True))
    about = encoder.rate, len(samples) / encoder.rate, "", NOTHING
    return CachedEmbeddings(embeddings, found.start, found.valid, *about, parts, encoder.part_seconds)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the CPU seconds of the fastest of some rounds."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(rounds))


def main() -> None:
    """Print the errors and the cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judge", choices=("apex", "banger"))
    parser.add_argument("weights", type=Path)
    parser.add_argument("songs", type=Path, nargs="+")
    parser.add_argument("--seconds", type=int, default=90, help="how much of each song")
    parser.add_argument("--places", type=int, nargs="+", default=[1, 3], help="parts in the second segment: 1 to 5")
    given = parser.parse_args()
    environ["APEX_FINE_WINDOWS"] = "true"
    judge = load_judge(given.judge, weights=given.weights, precision="float32")
    encoder = judge.encoder
    assert isinstance(encoder, MertEncoder)
    errors: dict[str, list[float]] = defaultdict(list)
    spread: dict[str, list[float]] = defaultdict(list)
    for song in given.songs:
        waveform = load_song(song)
        samples = resample(waveform.samples, waveform.rate, encoder.rate, encoder.resampling)
        samples = samples[: given.seconds * encoder.rate]
        encoded = encode(encoder, samples)
        found = windows.windows(encoded, judge.head)
        assert found is not None
        length, each = int(SEGMENT_SECONDS * encoder.rate), round(SEGMENT_SECONDS / found.step)
        for number in range(len(found)):
            if number % each in given.places:
                start = int(number * found.step * encoder.rate)
                exact = judge.head(encoder(samples[None, start : start + length], np.array([length])))
                for axis, score in exact.items():
                    errors[axis].append(found.scores[axis][number] - float(score[0]))
        for axis, scores in found.scores.items():
            spread[axis] += (np.array(scores) - np.mean(scores)).tolist()
        print(f"after {song.name}: {len(next(iter(errors.values())))} windows")
        for axis, values in errors.items():
            rms, mean, largest = np.sqrt(np.mean(np.square(values))), np.mean(values), np.abs(values).max()
            print(f"  {axis}: error {rms:.4f} (mean {mean:+.4f}, largest {largest:.4f}); ", end="")
            print(f"windows of a song deviate by {np.std(spread[axis]):.4f}", flush=True)
    scoring = seconds(lambda: windows.windows(encoded, judge.head), 20)
    states = torch.randn(1, 2249, encoder.config.hidden_size)
    kept = len(encoder.layers) * seconds(lambda: mert._means(states, 375), 20)
    once = len(encoder.layers) * seconds(lambda: states.mean(1), 20)
    encoding = seconds(lambda: encoder(samples[None, :length], np.array([length])), 1)
    print(f"a segment: {encoding:.2f} s, of which parts {kept - once:.5f}; all windows {scoring:.5f} s")


if __name__ == "__main__":
    main()
