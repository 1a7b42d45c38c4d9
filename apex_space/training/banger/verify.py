"""Computes Banger's published figures again, from the embeddings on the Hub that its head was trained on."""

from collections.abc import Iterator

import torch

from ...core.errors import TrainingError
from ...evaluation.regression import compare
from ...evaluation.verify import Options
from ...judges.judge import Judge
from ...judges.verified import Check, compared
from ...models import hub
from ...models.heads.banger import BangerHead
from .data import load
from .run import PUBLISHED

DATASET, MAX_BYTES = "treadon/fma-mert-embeddings", 200_000_000
SONGS = 7997
TOLERANCE = 0.002
"""Largest difference from a published figure, which has three digits."""


def published_figures(judge: Judge, options: Options) -> Iterator[Check]:
    """Measure the judge's head on the published split."""
    assert isinstance(judge.head, BangerHead)
    what = f"songs in {DATASET}"
    try:
        folder, _ = hub.fetch_dataset(DATASET, ["*.parquet"], MAX_BYTES)
        split = load(folder)
    except (ConnectionError, TrainingError) as error:
        yield Check("published figures", "not checked", f"{DATASET}: {error}")
        return
    yield compared(what, SONGS, sum(len(songs) for _, songs in split.parts()), 0, reproduces=False)
    for (part, figure), published in PUBLISHED.items():
        songs = getattr(split, part)
        with torch.inference_mode():
            predicted = judge.head.network(torch.from_numpy(songs.embeddings)).numpy()
        ours = getattr(compare(songs.labels[:, 0], predicted), figure)
        name = f"{len(songs):,} songs of {part}: {figure}"
        yield compared(name, published, float("nan") if ours is None else ours, TOLERANCE, "as its repository tells it")
