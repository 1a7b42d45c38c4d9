"""Verifies a judge: loads its weights strictly, scores example songs, and computes again what others have published."""

import gc
import json
import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from .. import __version__
from ..arena.pool_sources import EXAMPLES
from ..audio.song_names import SongFolder
from ..core import tables
from ..core.axes import BY_KEY
from ..core.errors import ApexSpaceError, AudioError, EvaluationError, WeightsError, WeightsMissing
from ..core.settings import settings
from ..core.text import first_line
from ..judges.judge import Judge
from ..judges.loading import download_size, load_judge
from ..judges.verified import Check, Outcome, Verification, compared
from ..models import hub, precision
from . import songs
from .metrics import UTTERANCE, figures
from .published import BASELINE, HEAR, SONGEVAL, VALIDATION_SONGS

LOADS = "weights load, no tensor missing or left over"
LEAST_SPREAD = 0.001
"""Least difference between the example songs' scores on an axis, as a share of its range."""
EXAMPLE_BYTES = 100_000
METRIC_TOLERANCE = 0.01
"""Largest difference from a published figure of 200 songs: what decoders and precisions may change."""
SONGEVAL_BYTES = 4_000_000_000
VAL_LOSS = 398.778
"""Loss on the songs of validation, as the config.json of APEX's head tells it. It identifies the checkpoint."""
RELEASED = "TuneJury/release-scores"
RELEASED_BYTES = 100_000_000
RELEASED_TOLERANCE = 0.01
RELEASED_SONGS = 20
"""Maximum number of FMA's songs to compare with TuneJury's released scores."""

Say = Callable[[str], object]
"""Tells the user what is being done."""


@dataclass(frozen=True)
class Options:
    """What to verify with.

    `weights` is the folder of weights; `songeval` says whether to score SongEval's songs for validation; `fma` is a
    folder of FMA's clips. `trouble` says why the Hub cannot be reached.
    """

    weights: Path | None = None
    songeval: bool = False
    fma: Path | None = None
    trouble: str | None = None


Reproduce = Callable[[Judge, Options], Iterator[Check]]
"""Computes again what was published of a judge."""


@dataclass(frozen=True)
class Pair:
    """An example song, its damaged copy, and the axis that was damaged."""

    intact: Path
    damaged: Path
    axis: str


def example_pairs() -> tuple[Pair, ...]:
    """Return the example songs of which there is a damaged copy."""
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return tuple(Pair(EXAMPLES / row["good"], EXAMPLES / row["file"], row["damage"]) for row in rows if row["damage"])


def verify(
    name: str, options: Options, reproduce: Mapping[str, Reproduce], say: Say, pairs: Sequence[Pair] | None = None
) -> Verification:
    """Return all checks of a judge, with what `reproduce` has for it. Raises UnknownJudge.

    Whatever goes wrong with weights or data is not raised: it is the outcome of a check.
    """
    pairs = example_pairs() if pairs is None else pairs
    say(f"{name}: loading{_download(name, options)}")
    weights: tuple[hub.Weights, ...] = ()
    checks: list[Check] = []
    try:
        judge = load_judge(name, options.weights, precision.FLOAT32, cached=options.trouble is not None)
        weights = judge.weights
        checks.append(Check(LOADS, "held"))
        say(f"{name}: scoring {2 * len(pairs)} example songs")
        exact = _score(judge, pairs)
        checks += _check_scores(judge, pairs, exact)
        say(f"{name}: published figures")
        checks += reproduce.get(name, _nothing)(judge, options)
        del judge
        gc.collect()
        say(f"{name}: bfloat16")
        checks.append(_check_bfloat16(name, options, pairs, exact))
    except WeightsError as error:
        outcome: Outcome = "not checked" if isinstance(error, WeightsMissing) else "differs"
        checks.append(Check(LOADS, outcome, str(error)))
    except Exception as error:  # nobody has seen these files before: whatever goes wrong is worth a report
        checks.append(Check("no unexpected error", "differs", _unexpected(error)))
    found = Verification(datetime.now(UTC).date().isoformat(), __version__, weights, tuple(checks))
    return impersonal(found, options)


def _unexpected(error: Exception) -> str:
    """Return what the error says, and the lines of this program in which it was raised."""
    frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__}: {error} ({' '.join(frames[-5:])})"


def _download(name: str, options: Options) -> str:
    """Return how much is downloaded first, as the end of a sentence."""
    try:
        size = 0 if options.trouble else download_size(name, options.weights)
    except WeightsError:  # loading tells
        return ""
    return f"; {size / 1e6:,.0f} MB are downloaded first" if size else ""


def impersonal(found: Verification, options: Options) -> Verification:
    """Return the same without the folders of this machine, which errors name."""
    config = settings()
    folders = {
        "WEIGHTS": (options.weights, config.weights, config.songeval_file and config.songeval_file.parent),
        "FMA": (options.fma,),
        "CACHE": (Path(hub.cache_folder()), config.cache_dir),
        "DATA": (config.data,),
        "~": (Path.home(),),
    }
    paths = [(path, short) for short, given in folders.items() for path in given if path is not None]
    names = [(str(each), short) for path, short in paths for each in {path, path.absolute()} if len(each.parts) > 1]

    def clean(text: str) -> str:
        for folder, short in sorted(names, key=lambda pair: -len(pair[0])):
            text = text.replace(folder, short)
        return text

    sources = tuple(hub.Weights(clean(each.repository), clean(each.revision)) for each in found.weights)
    checks = tuple(replace(check, why=clean(check.why)) for check in found.checks)
    return replace(found, weights=sources, checks=checks)


# ---- the example songs -------------------------------------------------------------------------------------------


Scores = dict[str, np.ndarray]
"""Axis -> the scores [2 P] of the pairs' songs, first the intact ones."""


def _score(judge: Judge, pairs: Sequence[Pair]) -> Scores:
    files = [*(pair.intact for pair in pairs), *(pair.damaged for pair in pairs)]
    reports = [judge(file).scores for file in files]
    return {axis: np.array([scores[axis] for scores in reports], float) for axis in judge.head.axes}


def _check_scores(judge: Judge, pairs: Sequence[Pair], scores: Scores) -> Iterator[Check]:
    outside = [axis for axis, values in scores.items() if not _in_range(axis, values)]
    told = f"outside: {', '.join(outside)}" if outside else f"axes: {len(scores)}, songs: {2 * len(pairs)}"
    yield Check("scores are numbers within their range", "differs" if outside else "held", told)
    spread = {axis: float(np.ptp(values)) / (BY_KEY[axis].high - BY_KEY[axis].low) for axis, values in scores.items()}
    axis = min(spread, key=lambda each: (np.isfinite(spread[each]), spread[each]))
    varied: Outcome = "held" if spread[axis] >= LEAST_SPREAD else "differs"
    why = f"least: {axis}, by {spread[axis]:.1%} of its range; at least {LEAST_SPREAD:.1%} is wanted"
    yield Check("scores differ between songs", varied, why, ours=spread[axis])
    lower, told_of = 0, []
    for row, pair in enumerate(pairs):
        axis = pair.axis if pair.axis in scores else next(iter(scores))
        intact, damaged = scores[axis][row], scores[axis][row + len(pairs)]
        lower += bool(damaged < intact)
        told_of.append(f"{pair.damaged.stem} {axis} {damaged:.2f} after {intact:.2f}")
    yield compared("damaged songs below their intact ones", len(pairs), lower, 0, "; ".join(told_of), reproduces=False)


def _in_range(axis: str, values: np.ndarray) -> bool:
    known = BY_KEY[axis]
    within = not known.bounded or bool(((values >= known.low) & (values <= known.high)).all())
    return within and bool(np.isfinite(values).all())


def _check_bfloat16(name: str, options: Options, pairs: Sequence[Pair], exact: Scores) -> Check:
    what = "bfloat16 against float32, as a share of the range"
    if not precision.native_bfloat16():
        return Check(what, "not checked", "this processor does not multiply bfloat16")
    judge = load_judge(name, options.weights, precision.BFLOAT16, cached=True)
    if judge.encoder.precision != precision.BFLOAT16:
        return Check(what, "not checked", f"this judge always computes in {judge.encoder.precision}")
    axis, moved = precision.largest_move(exact, _score(judge, pairs))
    return compared(what, 0.0, moved, precision.TOLERANCE, f"most in {axis}", reproduces=False)


# ---- what was published ------------------------------------------------------------------------------------------


def _nothing(judge: Judge, options: Options) -> Iterator[Check]:
    yield Check("published figures", "not checked", "none is known that can be computed again")


def skipped(why: str) -> Reproduce:
    """Return what tells why the published figures of a judge cannot be computed again."""
    return lambda judge, options: iter([Check("published figures", "not checked", why)])


def apex_config(judge: Judge, options: Options) -> Iterator[Check]:
    """Compare the loss that the head's config.json tells with the one that is known of the published checkpoint."""
    what = "loss on its validation songs, as its config.json tells it"
    head = judge.weights[-1]
    try:
        folder, _ = hub.fetch_files(
            head.repository, settings().head_revision, ["config.json"], EXAMPLE_BYTES, options.weights
        )
        told = float(json.loads((folder / "config.json").read_text(encoding="utf-8"))["val_loss"])
    except (WeightsError, OSError, ValueError, TypeError, KeyError) as error:
        yield Check(what, "not checked", first_line(error))
    else:
        why = "the same checkpoint as described; the loss is not computed here"
        yield compared(what, VAL_LOSS, told, 0.001, why, reproduces=False)
    yield Check("loss on its validation songs", "not checked", "the songs and the loss's weights are not public")


def songeval_figures(published: Mapping[str, Mapping[str, float]], source: str) -> Reproduce:
    """Return what computes the metrics on SongEval's songs for validation: dimension -> metric -> published figure."""

    def reproduce(judge: Judge, options: Options) -> Iterator[Check]:
        what = "validation songs of SongEval"
        if not options.songeval:
            yield Check(what, "not checked", "these songs are 0.9 GB and take hours without a GPU: ask by --songeval")
            return
        try:
            found, count = _songeval(judge)
        except (ConnectionError, ApexSpaceError) as error:
            yield Check(what, "not checked", str(error))
            return
        yield compared(f"{what} with ratings", len(VALIDATION_SONGS), count, 0, reproduces=False)
        for dimension, metrics in published.items():
            for metric, figure in metrics.items():
                ours = found[UTTERANCE, dimension, metric]
                yield compared(f"{what}: {metric} of {dimension}", figure, ours, METRIC_TOLERANCE, source)

    return reproduce


def _songeval(judge: Judge) -> tuple[dict[tuple[str, str, str], float], int]:
    """Return the metrics on all songs for validation that have ratings, and the number of these songs.

    Raises ConnectionError and EvaluationError.
    """
    names = [f"mp3/{number}.mp3" for number in VALIDATION_SONGS]
    folder, _ = hub.fetch_dataset(SONGEVAL, [songs.METADATA, *names], SONGEVAL_BYTES)
    rated = [
        replace(song, open=partial(_opened, folder / song.id))  # as the Hub's cache has links instead of files
        for song in songs.read(str(folder / songs.METADATA))
        if isinstance(song, songs.RatedSong) and song.id in names
    ]
    predicted = [*songs.predict(rated, judge)]
    if bad := [song for song in predicted if isinstance(song, tables.BadRow)]:
        raise EvaluationError(f"{len(bad)} of {len(rated)} songs have no score, such as {bad[0].name}: {bad[0].why}")
    (only,) = songs.as_sets([song for song in predicted if isinstance(song, songs.RatedSong)]).values()
    return figures(only, np.arange(len(only))), len(only)


def _opened(path: Path) -> AbstractContextManager[Path]:
    return nullcontext(path)


def released_scores(judge: Judge, options: Options) -> Iterator[Check]:
    """Compare scores of FMA's clips with those that TuneJury has released, which are of its head for all inputs."""
    what = "released scores of FMA's clips: largest difference"
    from ..models.heads.tunejury import CLAP

    if getattr(judge.head, "inputs", CLAP) == CLAP:
        why = "they are of the head for all inputs: set APEX_TUNEJURY_INPUTS to all, and name clips by --fma"
        yield Check(what, "not checked", why)
        return
    if options.fma is None:
        yield Check(what, "not checked", "the clips are in archives of many GB: name a folder of some by --fma")
        return
    try:
        found = list(_differences(judge, options.fma))
    except (ConnectionError, ApexSpaceError, OSError, ValueError) as error:
        yield Check(what, "not checked", str(error).splitlines()[0])
        return
    if not found:
        yield Check(what, "not checked", "the folder has no clip of theirs, such as 000002.mp3")
        return
    yield compared(what, 0.0, max(found), RELEASED_TOLERANCE, f"clips: {len(found)}")


def _differences(judge: Judge, folder: Path) -> Iterator[float]:
    """Yield the difference of each clip's score from the released one, of the first clips in the folder."""
    released, _ = hub.fetch_dataset(RELEASED, ["*.csv"], RELEASED_BYTES)
    clips, left = SongFolder(folder), RELEASED_SONGS
    for table in sorted(released.rglob("*.csv")):
        for row in tables.records(table):
            name = tables.text(row.get("track_id"))
            found = clips.find(name.removeprefix("fma_")) if name.startswith("fma_") else []
            if left and len(found) == 1 and "reward_score" in row:
                left -= 1
                try:
                    score = judge(found[0]).scores["appeal"]
                except AudioError:
                    continue
                yield math.inf if score is None else abs(score - tables.number(row["reward_score"]))


REPRODUCE: Mapping[str, Reproduce] = {
    "apex": apex_config,
    "tunejury": released_scores,
    "tunejury-whole": skipped("it is ours: nothing is published of it"),
    "songeval": songeval_figures(BASELINE, "as HEAR's paper tells it of SongEval's baseline"),
    "hear-1": songeval_figures({"musicality": HEAR["musicality"]}, "HEAR's paper"),
    "hear-2": songeval_figures({"mean": HEAR["mean"]}, "HEAR's paper"),
    "pocket": skipped("it is ours: the figures in its card are of songs that may not be passed on"),
}
"""Judge -> what computes its published figures again. Banger's is in `training`, which knows its songs."""
