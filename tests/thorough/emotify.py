"""Trains APEX's head on Emotify's 400 songs, and measures it on songs that it did not learn from:
`PYTHONPATH=.:tests python tests/thorough/emotify.py DATA OUT --weights WEIGHTS`.
Without `--weights`, it trains a head on pocket's features instead.

DATA holds the folder `emotify` (docs/training.md, Pocket), WEIGHTS a MERT-v1-95M and APEX's head, as `--weights` takes
them. The songs are embedded once into OUT. Then there are ten folds: each is held out once, and the next one chooses
the epoch or the penalty. The label is the percentile of a song's opinion, liked minus disliked. Emotify has no plays,
so *streams* is trained on the same label and not reported. The judge of the first fold is in OUT/runs/0. A run that
was killed goes on. The figures say nothing of MERT with made-up weights.
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
from apex_space.models.heads.pocket import CHECKPOINT, read_trained
from apex_space.training.apex.measure import predict_songs
from apex_space.training.apex.trainer import BEST
from apex_space.training.baselines import fit_ridge
from apex_space.training.pocket import own
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


def learned(segments: Path, targets: Path, runs: Path, is_pocket: bool) -> tuple[Split, np.ndarray]:
    """Train a head. Gives the segments, and what it predicts of the songs of `test`: [S, 2]."""
    if is_pocket:
        command("train", "ridge", segments, "--targets", targets, "--out", runs)
        split = own.load(segments, targets)
        return split, own.predict(read_trained(runs / own.RUN / CHECKPOINT), split.test)
    command("train", "apex", segments, "--targets", targets, "--task", "popularity", "--out", runs)
    split = load(segments, AXES, targets)
    (checkpoint,) = runs.glob(f"*/{BEST}")
    return split, predict_songs(checkpoint, split.test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    corpus, table, segments = emotify(given.data), given.out / "songs.csv", given.out / "segments"
    given.out.mkdir(parents=True, exist_ok=True)
    write_table(corpus, table)
    is_pocket = given.weights is None
    encoder = ("--encoder", "pocket") if is_pocket else ("--weights", given.weights)
    command("extract", table, "--audio", given.data, *encoder, "--out", segments)
    place = {song.name: index for index, song in enumerate(corpus.songs)}
    found: dict[str, np.ndarray] = {}
    for held in range(FOLDS):
        targets, runs = given.out / f"fold-{held}.jsonl", given.out / "runs" / str(held)
        write_split(corpus, targets, held)
        split, predicted = learned(segments, targets, runs, is_pocket)
        songs = split.songs()
        rows = [place[id] for id in songs.test.ids]
        ridge = fit_ridge(songs.train, songs.val)(songs.test.embeddings)
        for model, scores in (("head", predicted), ("ridge regression on the embeddings", ridge)):
            found.setdefault(model, np.zeros(len(place)))[rows] = scores[:, AXES.index("likes")]
    for model, predicted in found.items():
        over_all = bootstrap_interval(partial(spearman, predicted, corpus.opinions), len(place))
        inside = bootstrap_interval(partial(within, predicted, corpus.opinions, corpus.groups), len(place))
        print(f"{model}: Spearman {over_all}, within a genre {inside}")


if __name__ == "__main__":
    main()
