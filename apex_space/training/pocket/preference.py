"""Fit pocket's preference head: `python -m apex_space.training.pocket.preference --data ../shared/data [--out DIR]`.

The head learns from davda54's untied pairs of one listener's ratings. Pocket's musicality was trained on those ratings,
so with its own scores the head would look too good. Therefore every score here is from a model that was not trained on
the song. For musicality, the model was not trained on the songs it is compared with either. Computing the features of
the 504 songs' copies takes 15 to 30 minutes on two cores, the rest five to ten.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ApexSpaceError
from ...models.heads.pocket import PocketHead
from ...preference.fitting.fit import DEVIATION, FOLDS, Battles, Units, fit, folds, forecasts, make_head, together
from ...preference.head import PreferenceHead
from ...preference.head_files import SHIPPED, save
from ...preference.learned import Outcomes
from . import train
from .augmented import AugmentedSongs
from .corpus import Corpus
from .models import KINDS_OF, fit_damage, fit_opinion, recordings
from .train import AXES, truths

DATA = (
    "davda54 (David Samuel; GPL-3.0): untied pairs of one listener's ratings of 104 short pieces by people and "
    "computers, by 293 listeners"
)
ROUNDS, INNER, FINAL = 10, 4, 20
"""Numbers of partitions of the songs: ROUNDS hold songs out for measuring, INNER make the scores of the other songs,
FINAL make the scores for the head itself. In each of the FINAL partitions, a fifth of all pairs has both songs in one
fold; together these partitions cover 99% of the pairs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m apex_space.training.pocket.preference", description="Fit pocket's preference head."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds emotify/ and davda54/")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the package's)")
    parser.add_argument("--workers", type=int, default=2, help="number of processes (default: 2)")
    options = parser.parse_args(arguments)
    try:
        folder = train.learn(options.data, options.out, SHIPPED, options.workers, write)
    except ApexSpaceError as error:
        parser.error(str(error))
    print(f"Written to {folder}.", file=sys.stderr)


def write(folder: Path, *heard: Any) -> None:
    """Fit the head and write it into a folder."""
    save(learn(*heard), folder / "pocket.json")


def learn(copies: AugmentedSongs, rated: Corpus, liked: Corpus) -> PreferenceHead:
    """Fit the head. The songs of `copies` are those of `rated` (davda54), then those of `liked` (Emotify)."""
    held_out_scores = HeldOutScores.of(copies, rated, liked)
    everyone = np.zeros(len(rated.songs), bool)
    battles = held_out_scores.battles(everyone, range(FINAL))
    unit = Units(np.arange(len(rated.songs)), len(rated.songs), "songs")
    prior = battles.prior(deviation=DEVIATION)
    held = forecasts(prior, held_out_scores.rounds())
    model = fit(prior, battles, "pocket", str(PocketHead().weights))
    return make_head(model, DATA, battles, held, unit)


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of the S rated songs, of T songs in all, by models that were not trained on them."""

    copies: AugmentedSongs
    truth: np.ndarray
    """[T] musicality; NaN for the songs that are not rated."""
    recording: np.ndarray
    """[T] first song that is the same recording, for each song."""
    pairs: np.ndarray
    """[P, 2] pairs of rated songs, the better rated one first."""
    scores: np.ndarray
    """[S, A] scores; the column of musicality is filled in for each set of songs to leave out."""

    @staticmethod
    def of(copies: AugmentedSongs, rated: Corpus, liked: Corpus) -> "HeldOutScores":
        """Compute the scores of all axes but musicality.

        The listeners rated none of these axes, so one partition of the songs is enough.
        """
        truth, recording, size = truths(rated, liked), recordings(copies), len(rated.songs)
        fold = folds(recording, FOLDS, seed=0)
        scores = np.zeros((size, len(AXES)))
        for axis in KINDS_OF:
            for f in range(FOLDS):
                model = fit_damage(axis, copies[(fold != f)[copies.song]])[0]
                asked = np.nonzero(fold[:size] == f)[0]
                scores[asked, AXES.index(axis)] = model(_intact(copies, asked))
        others = ~np.isin(recording, recording[:size])
        model = fit_opinion("likes", copies[others[copies.song]], truth["likes"])
        scores[:, AXES.index("likes")] = model(_intact(copies, np.arange(size)))
        distinct = recording[rated.pairs[:, 0]] != recording[rated.pairs[:, 1]]
        undamaged = copies[copies.intact | copies.harmless]  # musicality is learned from these only
        return HeldOutScores(undamaged, truth["musicality"], recording, rated.pairs[distinct], scores)

    def battles(self, outside: np.ndarray, seeds: Sequence[int]) -> Battles:
        """Return pairs of songs that are not `outside` [S], each from the first partition that has both in one fold.

        The musicality of two songs of one fold is scored by one model, which was trained on neither.
        """
        size = len(outside)
        left = ~outside[self.pairs].any(1)
        found = []
        for seed in seeds:
            fold = np.where(outside, -1, folds(self.recording[:size], FOLDS, seed))
            for f in range(FOLDS):
                here = left & (fold[self.pairs] == f).all(1)
                if here.any():
                    found.append(self._told(outside | (fold == f), here))
                    left &= ~here
        return together(found)

    def rounds(self) -> Iterator[tuple[Battles, Battles]]:
        """Yield battles to learn from and battles to test on.

        No song is in both. Their musicality is scored by models that were trained on none of the songs to test on.
        """
        size = len(self.scores)
        for seed in range(100, 100 + ROUNDS):
            fold = folds(self.recording[:size], FOLDS, seed)
            for f in range(FOLDS):
                test = fold == f
                print(f"\rround {seed - 99} of {ROUNDS}, fold {f + 1}", end="", file=sys.stderr, flush=True)
                yield self.battles(test, range(INNER)), self._told(test, test[self.pairs].all(1))
        print(file=sys.stderr)

    def _told(self, out: np.ndarray, rows: np.ndarray) -> Battles:
        """Return the pairs `rows` [P] as battles.

        Musicality is scored by a model that was trained on none of the rated songs `out` [S].
        """
        size = len(out)
        taught = ~np.isin(self.recording, self.recording[:size][out])
        model = fit_opinion("musicality", self.copies[taught[self.copies.song]], self.truth)
        scores, asked = self.scores.copy(), np.nonzero(out)[0]
        scores[asked, AXES.index("musicality")] = model(_intact(self.copies, asked))
        pairs = self.pairs[rows]
        songs = self.recording[:size][pairs]
        won, unknown = np.ones(len(pairs)), [("", "")] * len(pairs)
        return Battles(AXES, Outcomes(scores[pairs[:, 0]] - scores[pairs[:, 1]], unknown, won, 1 - won, songs))


def _intact(copies: AugmentedSongs, songs: np.ndarray) -> AugmentedSongs:
    """Return the intact recordings of `songs`, in rising order."""
    found = copies[copies.intact & np.isin(copies.song, songs)]
    return found[np.argsort(found.song)]


if __name__ == "__main__":
    main()
