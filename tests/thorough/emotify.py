"""Trains APEX's head on Emotify's 400 songs, and measures it on songs that it did not learn from:
`PYTHONPATH=.:tests python tests/thorough/emotify.py DATA OUT --weights WEIGHTS`.

DATA holds the folder `emotify` (docs/training.md, Pocket), WEIGHTS a MERT-v1-95M and APEX's head, as `--weights` takes
them. The songs are embedded once into OUT. Then there are ten folds: each is held out once, and the next one chooses
the epoch. The label is the percentile of a song's opinion, liked minus disliked. Emotify has no plays, so *streams* is
trained on the same label and not reported. The judge of the first fold is in OUT/runs/0. A run that was killed goes on.
The figures say nothing of MERT with made-up weights.
"""

import argparse
import csv
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from apex_space.core.intervals import bootstrap_interval
from apex_space.training.apex.measure import predict_songs
from apex_space.training.apex.trainer import BEST
from apex_space.training.baselines import fit_ridge
from apex_space.training.pocket.corpus import Corpus, emotify
from apex_space.training.pocket.statistics import spearman, within
from apex_space.training.table import Split, load

FOLDS = 10
AXES = ("streams", "likes")


def write_table(corpus: Corpus, file: Path) -> None:
    """The table of songs that `extract` reads, with their labels."""
    labels = 100 * (rankdata(corpus.opinions) - 0.5) / len(corpus.songs)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "file", "score_streams", "score_likes"])
        for song, label in zip(corpus.songs, labels, strict=True):
            writer.writerow([song.name, f"{song.name}.opus", label, label])


def write_split(corpus: Corpus, file: Path, held: int) -> None:
    """The targets of a fold: the songs of fold `held` are the test, those of the next one choose the epoch."""
    fold = np.random.default_rng(0).permutation(len(corpus.songs)) % FOLDS
    parts = np.select([fold == held, fold == (held + 1) % FOLDS], ["test", "val"], "train")
    rows = ({"id": song.name, "split": part} for song, part in zip(corpus.songs, parts, strict=True))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def command(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "apex_space", *map(str, words)], check=True)


def predictions(songs: Split, segments: Split, checkpoint: Path) -> dict[str, np.ndarray]:
    """Of *likes*, by what predicts them, for the songs [S] of `test`."""
    ridge = fit_ridge(songs.train, songs.val)
    return {
        "APEX's head": predict_songs(checkpoint, segments.test)[:, 1],
        "ridge regression": ridge(songs.test.embeddings)[:, 1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    given = parser.parse_args()
    corpus, table, segments = emotify(given.data), given.out / "songs.csv", given.out / "segments"
    given.out.mkdir(parents=True, exist_ok=True)
    write_table(corpus, table)
    command("extract", table, "--audio", given.data, "--weights", given.weights, "--out", segments)
    place = {song.name: index for index, song in enumerate(corpus.songs)}
    found: dict[str, np.ndarray] = {}
    for held in range(FOLDS):
        targets, runs = given.out / f"fold-{held}.jsonl", given.out / "runs" / str(held)
        write_split(corpus, targets, held)
        command("train", "apex", segments, "--targets", targets, "--task", "popularity", "--out", runs)
        split = load(segments, AXES, targets)
        (checkpoint,) = runs.glob(f"*/{BEST}")
        songs = split.songs()
        rows = [place[id] for id in songs.test.ids]
        for model, predicted in predictions(songs, split, checkpoint).items():
            found.setdefault(model, np.zeros(len(place)))[rows] = predicted
    for model, predicted in found.items():
        over_all = bootstrap_interval(partial(spearman, predicted, corpus.opinions), len(place))
        inside = bootstrap_interval(partial(within, predicted, corpus.opinions, corpus.groups), len(place))
        print(f"{model}: Spearman {over_all}, within a genre {inside}")


if __name__ == "__main__":
    main()
