"""Describes a ranking in sentences: how sure it is, and whose scores it is based on."""

from collections.abc import Iterator, Sequence

from ..audio.song_names import ENDINGS
from ..core.axes import AXES, BY_KEY, Axis
from ..core.i18n import plural, tr, translate
from ..core.text import minus
from ..judges.registry import REGISTRY
from ..judges.verified import caution
from ..preference.head import PreferenceHead
from ..ranking.batch import Batch
from ..ranking.order import Border, RankedSong, Ranking, Rules
from .taught import taught

MEANING = (
    "The chance is how often a song would be preferred to another song of this batch, on average. Its 95% interval "
    "shows how uncertain the weights of the scores are, not how much listeners differ."
)
ONE_MAKER = "The order assumes that all songs are by the same generator or artist. How good that one is does not count."
FEW = 3
MAX_NAMES = 12
"""Maximum number of songs that a sentence names."""
WIDE = 0.5
"""An interval is called very wide if it covers more than this share of the scale."""
EDGE = 0.01
"""A score is called at the end of its scale if it is nearer to it than this share of the scale."""
ORDINALS = ("th", "st", "nd", "rd")
BEST_PASSAGE = (
    "The best 30 s of a song are those with the highest {score}. They are shown where they differ from the rest of the "
    "song by more than the best or the weakest 30 s would by chance."
)
SPREAD = "± is an 80% interval: it contains the true score of 4 of 5 songs that {judge} was not trained on."


def verdict(ranking: Ranking) -> str:
    """Return a sentence on whether the kept songs can be told from the others."""
    border, kept = ranking.border, len(ranking.kept)
    if border is None:
        all_kept = tr("All {n} songs with a rank are kept: there are no more.", n=kept)
        return all_kept if kept else tr("No song has a rank.")
    last, first = ordinal(kept), ordinal(kept + 1)
    if border.clear is None:
        return tr(
            "{judge} gives no uncertainty of {score}: whether the {last} is clearly ahead of the {first} is not known.",
            judge=_title(ranking.rules),
            score=label(ranking.rules).lower(),
            last=last,
            first=first,
        )
    told = tr("The {last} is clearly ahead of the {first}", last=last, first=first)
    if not border.clear:
        told = tr("The {last} and the {first} are too close to call", last=last, first=first)
    return f"{told}{tr(': ')}{_how_far(border, last, ranking.rules)}{tr('.')}"


def undecided(ranking: Ranking) -> tuple[str, str]:
    """Return that some songs cannot be told apart, and their names. Both are empty if the border is clear."""
    if ranking.border is None or ranking.border.clear is not False:
        return "", ""
    names = [row.song.name for row in ranking.rows if row.undecided]
    return tr("These {n} songs cannot be told apart: listen to them", n=len(names)), _named(names)


def ranked(ranking: Ranking) -> tuple[str, list[tuple[str, str]]]:
    """Return how many songs were ranked, and the name of each other song with the reason."""
    others = [(row.song.name, translate(row.error)) for row in ranking.rows if row.rank is None]
    total = len(ranking.rows)
    return tr("{done} of {total} ranked", done=total - len(others), total=total), others


def cautions(ranking: Ranking) -> Iterator[str]:
    """Yield sentences on unknown weights, and on kept songs with a wide interval or a score at the end of its scale."""
    if unknown := caution(row.report for row in ranking.rows if row.report):
        yield translate(unknown)
    rules, kept = ranking.rules, ranking.kept
    scale = 1.0 if rules.by_preference else BY_KEY[rules.by].high - BY_KEY[rules.by].low
    wide = [row.song.name for row in kept if _width(row) > WIDE * scale]
    if wide:
        yield tr(
            "Very uncertain: the interval covers more than half of the scale. This concerns {songs}.",
            songs=_named(wide),
        )
    for axis in AXES:
        at_end = [row.song.name for row in kept if _at_end(row, axis)]
        if at_end:
            yield tr(
                "{axis} is at the end of its scale, where {judge} hardly tells songs apart. This concerns {songs}.",
                axis=translate(axis.label),
                judge=_title(rules),
                songs=_named(at_end),
            )


def _width(row: RankedSong) -> float:
    return 0.0 if row.low is None or row.high is None else row.high - row.low


def _at_end(row: RankedSong, axis: Axis) -> bool:
    score = row.report.scores[axis.key] if row.report else None
    margin = EDGE * (axis.high - axis.low)
    return axis.bounded and score is not None and not axis.low + margin <= score <= axis.high - margin


def _named(names: Sequence[str]) -> str:
    """Return names as a list, of which a long one is cut."""
    listed = tr(", ").join(names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return tr("{names} and {n} more", names=listed, n=more) if more > 0 else listed


def _how_far(border: Border, last: str, rules: Rules) -> str:
    answer = border.preference
    if answer is None:
        return f"{_span(border.last, rules)}{tr(' and ')}{_span(border.first, rules)}"
    if border.last.rank == border.first.rank:
        return tr("their scores are equal")
    about, low, high = (min(max(round(100 * x), 1), 99) for x in (answer.probability, answer.low, answer.high))
    return tr(
        "about {about} of 100 listeners would prefer the {last} ({low} to {high})",
        about=about,
        last=last,
        low=low,
        high=high,
    )


def _span(row: RankedSong, rules: Rules) -> str:
    """Format a score with its error, as 3.41 ± 0.30."""
    assert row.value is not None
    assert row.report is not None
    return f"{row.value:.{digits(rules)}f} ± {row.report.spread[rules.by]:.{digits(rules)}f}"


def figure(row: RankedSong, rules: Rules) -> str:
    """Format what a song is ranked by, with its interval if there is one: `58% (51 to 64)`, `3.41 (3.11 to 3.71)`."""
    if row.value is None:
        return "–"
    places, times, unit = (0, 100, "%") if rules.by_preference else (digits(rules), 1, "")
    value, low, high = ("" if x is None else minus(f"{times * x:.{places}f}") for x in (row.value, row.low, row.high))
    shown = f"{value}{unit}"
    return tr("{value} ({low} to {high})", value=shown, low=low, high=high) if low and high else shown


def note(row: RankedSong) -> str:
    """Return whether a song is a copy or kept, or why it has no rank. The text is often empty."""
    if row.same_as:
        return tr("the same as {song}", song=row.same_as)
    if row.undecided:
        return tr("kept, but not certain") if row.kept else tr("not kept, but not certain")
    return translate(row.error) or (tr("kept") if row.kept else "")


def digits(rules: Rules) -> int:
    """Return the number of decimals of an axis' scores, which is 0 for percentiles."""
    return 0 if BY_KEY[rules.by].high == 100 else 2


def notes(ranking: Ranking) -> Iterator[str]:
    """Yield sentences about a ranking.

    They say how many songs are near the border, what the order is by, how far to trust it, and what else matters.
    """
    rules, border = ranking.rules, ranking.border
    if border and border.clear is not None:
        near = tr(
            "{unsure} of the songs kept and {rivals} of the others are too close to this border to call.",
            unsure=border.unsure,
            rivals=border.rivals,
        )
        yield near if border.unsure or border.rivals else tr("No song is too close to this border to call.")
    if rules.by_preference:
        yield from _of_preference(rules)
    elif any(rules.by in row.report.spread for row in ranking.rows if row.report):
        yield tr(SPREAD, judge=_title(rules))
    if any(row.passage for row in ranking.rows):
        yield tr(BEST_PASSAGE, score=label(rules).lower())


def _of_preference(rules: Rules) -> Iterator[str]:
    """Yield sentences on what the chance means, and how far to trust it."""
    if rules.spoke == "head" and rules.head is not None:
        yield from _of_head(rules, rules.head)
    else:
        yield tr(MEANING)
        yield taught(rules.judge, rules.model)
    if rules.model is not None:
        yield tr(ONE_MAKER)


def _of_head(rules: Rules, head: PreferenceHead) -> Iterator[str]:
    title, through, accuracy = _title(rules), REGISTRY[head.judge].title, head.metrics.accuracy
    if rules.fallback:
        yield tr(
            "{judge} has no preference head. {through} scored every song, too, and the order is by its scores alone. "
            "To use {judge}, rank by one of its scores.",
            judge=title,
            through=through,
        )
    yield tr(MEANING)
    share, low, high = (f"{x:.0%}" for x in (accuracy.value, accuracy.low, accuracy.high))
    yield tr(
        "How reliable it is: between songs it was not fitted on, {through}’s preference head predicted the winner of "
        "{share} of the battles ({low} to {high}). A coin predicts 50%.",
        through=through,
        share=share,
        low=low,
        high=high,
    )
    if rules.outdated:
        yield tr(
            "The head was fitted on other weights of {through} than those that scored these songs.", through=through
        )


def left_out(batch: Batch) -> Iterator[str]:
    """Yield a sentence on the files that were left out, and one on rows of the table of groups without a song."""
    if batch.left_out:
        yield plural(
            batch.left_out,
            "One file was left out: its name has no sound file’s ending ({endings}).",
            "{n} files were left out: their names have no sound file’s ending ({endings}).",
            endings=ENDINGS,
        )
    if batch.without_song:
        yield plural(
            len(batch.without_song),
            "One row of the table of groups belongs to no song: {names}.",
            "{n} rows of the table of groups belong to no song: {names}.",
            names=", ".join(batch.without_song[:FEW]) + (" …" if len(batch.without_song) > FEW else ""),
        )


def label(rules: Rules) -> str:
    """Return the heading of what songs are ranked by."""
    return score_label(None if rules.by_preference else rules.by)


def score_label(axis: str | None) -> str:
    """Return the heading of an axis, given by its key, or without one of the chance to be preferred."""
    return tr("Chance to be preferred") if axis is None else translate(BY_KEY[axis].label)


def ordinal(number: int) -> str:
    """Format a number as an ordinal: 1 -> 1st."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{tr(ORDINALS[last if last < len(ORDINALS) else 0])}"


def _title(rules: Rules) -> str:
    return REGISTRY[rules.judge].title
