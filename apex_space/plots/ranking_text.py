"""Describes a ranking in sentences: how sure it is, and whose scores it is based on."""

from collections.abc import Iterator

from ..audio.song_names import ENDINGS
from ..core.axes import BY_KEY
from ..core.i18n import plural, tr, translate
from ..judges.registry import REGISTRY
from ..ranking.batch import Batch
from ..ranking.order import Border, RankedSong, Ranking, Rules

MEANING = (
    "The chance is how often a song would be preferred to another song of this batch, on average. Its 95% interval "
    "shows how uncertain the preference head is, not how much listeners differ."
)
FEW = 3
ORDINALS = ("th", "st", "nd", "rd")
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
    places, times, unit = (0, 100, "%") if rules.head else (digits(rules), 1, "")
    value, low, high = ("" if x is None else f"{times * x:.{places}f}" for x in (row.value, row.low, row.high))
    shown = f"{value}{unit}"
    return tr("{value} ({low} to {high})", value=shown, low=low, high=high) if low and high else shown


def note(row: RankedSong) -> str:
    """Return whether a song is a copy or kept, or why it has no rank. The text is often empty."""
    if row.same_as:
        return tr("the same as {song}", song=row.same_as)
    return translate(row.error) or (tr("kept") if row.kept else "")


def digits(rules: Rules) -> int:
    """Return the number of decimals of an axis' scores, which is 0 for percentiles."""
    return 0 if BY_KEY[rules.by].high == 100 else 2


def notes(ranking: Ranking) -> Iterator[str]:
    """Yield sentences about a ranking.

    They say how many songs are near the border, what the order is by, how far to trust it, and what else matters.
    """
    rules, head, border = ranking.rules, ranking.rules.head, ranking.border
    if border and border.clear is not None:
        near = tr(
            "{unsure} of the songs kept and {rivals} of the others are too close to this border to call.",
            unsure=border.unsure,
            rivals=border.rivals,
        )
        yield near if border.unsure or border.rivals else tr("No song is too close to this border to call.")
    title = _title(rules)
    if head is None:
        if any(rules.by in row.report.spread for row in ranking.rows if row.report):
            yield tr(SPREAD, judge=title)
        return
    through, accuracy = REGISTRY[head.judge].title, head.metrics.accuracy
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
    return score_label(None if rules.head else rules.by)


def score_label(axis: str | None) -> str:
    """Return the heading of an axis, given by its key, or without one of the chance to be preferred."""
    return tr("Chance to be preferred") if axis is None else translate(BY_KEY[axis].label)


def ordinal(number: int) -> str:
    """Format a number as an ordinal: 1 -> 1st."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{tr(ORDINALS[last if last < len(ORDINALS) else 0])}"


def _title(rules: Rules) -> str:
    return REGISTRY[rules.judge].title
