"""Write the table of pocket's reference songs: `python -m apex_space.training.pocket.reference --data DATA`.

Visitors' songs are compared with these, the songs that pocket learned from. Each score is by a model that had not
learned the song's score, because a judge's scores of what it knows are another distribution than its scores of new
songs. For likes and musicality, a few minutes do: the intact songs. With --all, the models of coherence, clarity and
naturalness are fitted, too, to all damaged copies, which takes half an hour on two cores.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ...core.errors import ApexSpaceError
from ...core.files import check_own, replacing
from ...judges.reference_songs import SHIPPED
from ...judges.report import rounded
from ...models.heads.pocket import PocketHead
from ..files import prepare
from .augmented import AugmentedSongs, gather
from .corpus import GENRES, Corpus, davda54, emotify
from .evaluate import hold_out_damage, hold_out_opinion
from .models import KINDS_OF, recordings
from .train import truths

OTHER = "midi"
"""Genre of davda54's pieces: all are rendered from notes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m apex_space.training.pocket.reference", description="Write the scores of pocket's songs."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds emotify/ and davda54/")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="file to write to (default: the package's)")
    parser.add_argument("--all", action="store_true", help="all five scores, not likes and musicality alone")
    parser.add_argument("--workers", type=int, default=2, help="number of processes (default: 2)")
    options = parser.parse_args(arguments)
    try:
        check_own(prepare(options.out.parent), [options.out.name], lambda text: text.startswith("judge,genre,"))
        corpora = davda54(options.data), emotify(options.data)
    except ApexSpaceError as error:
        parser.error(str(error))
    except (OSError, KeyError, ValueError) as error:
        parser.error(f"{options.data} does not hold both sets of songs ({error}). Name their folder.")
    paths = [song.path for corpus in corpora for song in corpus.songs]
    copies = gather(paths, options.workers, only_intact=not options.all)
    with threadpool_limits(1), replacing(options.out) as file:
        file.write_text(table(copies, *corpora), encoding="utf-8", newline="")
    print(f"Written to {options.out}.", file=sys.stderr)


def held_out_scores(copies: AugmentedSongs, rated: Corpus, liked: Corpus) -> dict[str, np.ndarray]:
    """Return the intact songs' scores [S] by axis. The songs of `copies` are those of `rated`, then those of `liked`.

    Where nobody judged a song, the shipped model has not learned its score, and scores it. Coherence, clarity and
    naturalness are left out if `copies` are intact songs only.
    """
    truth, recording = truths(rated, liked), recordings(copies)
    shipped = PocketHead()(copies[copies.intact].features)
    scores = {
        axis: np.where(
            np.isfinite(known), hold_out_opinion(axis, copies, known, recording, seed=0).intact, shipped[axis]
        )
        for axis, known in truth.items()
    }
    if not copies.intact.all():
        scores |= {axis: hold_out_damage(axis, copies, recording)[0].intact for axis in KINDS_OF}
    return scores


def table(copies: AugmentedSongs, rated: Corpus, liked: Corpus) -> str:
    """Return a csv with a row for each song, without second copies of a recording."""
    scores, recording = held_out_scores(copies, rated, liked), recordings(copies)
    groups = np.concatenate([rated.groups, liked.groups])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["judge", "genre", *scores])
    for song in np.flatnonzero(recording == np.arange(len(recording))):
        genre = str(groups[song]) if groups[song] in GENRES else OTHER
        writer.writerow(["pocket", genre, *(rounded(float(column[song])) for column in scores.values())])
    return text.getvalue()


if __name__ == "__main__":
    main()
