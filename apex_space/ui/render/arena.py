"""Renders ratings and agreement as HTML."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from markupsafe import Markup

from ...arena import listeners
from ...arena.agreement import Agreement, AgreementReport
from ...arena.kinds import Kind
from ...arena.lead import Lead, Meeting
from ...arena.leaderboard import LeaderboardSnapshot, WinTags
from ...arena.learning_curve import LearningCurve
from ...arena.not_counted import NotCounted
from ...arena.ratings import FEW_VOTES, MIN_VOTES, Rating
from ...arena.sensitivity import Otherwise, Way, verdict
from ...core.i18n import plural, tr, translate
from ...core.intervals import ConfidenceInterval
from ...core.text import minus
from ...plots.arena import curve_name, judge_title, label, rank_and_rating, ranks, song_text
from ...storage.records import AGAIN, WITHDRAWN, Source, Tag
from .html import Cells, figure, folded, labelled, note, percent, span, table

SONGS: dict[Source, str] = {"pool": "the pool’s", "uploaded": "visitors’ own"}
AGAINST_CHANCE = {"better": "better than chance", "worse": "worse than chance", "unclear": "not told from chance"}
JUDGES = "Agreement with people, with 95% intervals. A coin agrees with 50% and has a Brier score of 0.25"
TOO_FEW = "too few votes"
WAYS: dict[Way, str] = {
    "half": "A tie as half a win",
    "davidson": "Ties by Davidson’s model",
    "without_both_bad": "Without “both bad” votes",
}
FILES = (
    '<p class="downloads"><a href="leaderboard.csv" download>{ratings}</a>'
    '<a href="leaderboard.json" download>{json}</a>'
    '<a href="votes.csv" download>{votes}</a><a href="votes.jsonl" download>{lines}</a></p>'
)
"""The template of the links to files for everybody."""
BAR = (
    '{text}<span class="bar {kind}" style="--at: {at}; --low: {low}; --high: {high}" aria-hidden="true"><i></i></span>'
)
"""The template of a rating: its figures, and a dot in its interval on a line from 0 to 100%."""
MAX_GENERATORS = 30
"""Maximum number of generators in the table of who won against whom."""
STRONGEST = 0.6
"""Share of its colour in a cell of votes that were all won, so that its text can be read, bright and dark."""
TAGS: dict[Tag, str] = {
    "melody": "Melody",
    "voice": "Voice",
    "sound": "Sound",
    "mix": "Mix",
    "rhythm": "Rhythm",
    "originality": "Originality",
}
"""Reasons for a vote, in words."""
REASONS = {
    "claims to have listened longer than the battle has been there": "the browser said it played the songs for longer "
    "than they were there",
    "claims to have listened to several battles for longer than there was time": "the browser said it played several "
    "pairs of songs for longer than there was time",
    "more votes within an hour than one can listen for": "more votes from one address in an hour than one can listen "
    "for",
    "more votes in a day than count of one voter": "more votes from one address in a day than count",
    "the same side many times in a row": "the same side, A or B, many times in a row",
    "votes at a machine's steady pace": "votes at the steady pace of a machine",
    "a network claims to have listened for longer than there was time": "the browsers of a network said they played "
    "songs for longer than there was time",
    "more votes in a day than count of one network": "more votes from one network in a day than count",
    AGAIN: "the same two songs again, by the same listener",
    WITHDRAWN: "the listener took the vote back",
}
"""Reason why a vote does not count -> the same in plain words. Other reasons are those that an operator wrote."""
MAX_REASONS = 12
"""Number of reasons that are shown. The others are summed up."""
NAMED = 3
"""Largest number of leaders that are named."""
NOBODY = "No vote has been counted yet. The leaderboard begins with the first one."
ALL_SONGS = "All songs"
KINDS = {
    "genre": "Genre",
    "instrumental": "Instrumental",
    "key": "Key",
    "language": "Language",
    "mood": "Mood",
    "style": "Style",
    "vocals": "Vocals",
}
"""Columns that pools often have -> their names. Other columns are called as the table calls them."""
BOARD_FILES = (
    '<p class="downloads"><a href="leaderboard.csv?board={board}" download>{csv}</a>'
    '<a href="leaderboard.json?board={board}" download>{json}</a></p>'
)
OF_ALL_SONGS = "From here on, all figures are of all songs, whatever board is chosen."
COUNTING = "The ratings of this board are being computed. They will be here in a few seconds."


def board_choices(kinds: Iterable[Kind]) -> list[tuple[str, str]]:
    """Return label and name of each board. That of all songs has no name."""
    named = [
        (plural(kind.votes, "{kind} ({n} vote)", "{kind} ({n} votes)", kind=kind_text(kind)), kind.name)
        for kind in kinds
    ]
    return [(tr(ALL_SONGS), ""), *named]


def kind_text(kind: Kind) -> str:
    """Return a kind in words, such as Genre: rock."""
    column = tr(KINDS[kind.column]) if kind.column in KINDS else kind.column
    return labelled(column, song_text(kind.value))


def about_board(now: LeaderboardSnapshot) -> str:
    """Return what the board of a kind counts, with its files, or nothing for the board of all songs."""
    if not now.kind:
        return ""
    said = plural(
        now.votes,
        "This board counts only the {n} vote on two songs of the kind “{kind}”.",
        "This board counts only the {n} votes on two songs of the kind “{kind}”.",
        kind=kind_text(now.kind),
    )
    said += tr(
        " Here a rating is the chance to be preferred to an average song of this kind. So the figures differ from "
        "those of the board of all songs."
    )
    files = {"csv": tr("This board as CSV"), "json": tr("This board as JSON")}
    return note(said) + BOARD_FILES.format(board=quote(now.board, safe=""), **files)


def standing(now: LeaderboardSnapshot) -> str:
    """Return how many votes there are, and a link to add one."""
    votes = plural(
        now.votes,
        "{n} vote so far. A rating needs {least} votes and is preliminary below {few}.",
        "{n} votes so far. A rating needs {least} votes and is preliminary below {few}.",
        few=FEW_VOTES,
        least=MIN_VOTES,
    )
    link = f'<p class="downloads"><a href="arena">{tr("Listen to two songs and vote")}</a></p>'
    leads = (tr("Songs"), now.song_lead), (tr("Generators"), now.generator_lead)
    verdicts = "".join(note(labelled(name, _lead(lead))) for name, lead in leads if lead.first)
    return verdicts + note(votes if now.votes else tr(NOBODY)) + _intervals(now) + link


def _intervals(now: LeaderboardSnapshot) -> str:
    """Return what the intervals of ratings allow for, once for songs and generators if it is the same."""
    songs = translate(listeners.verdict(now.listeners.get("song")))
    generators = translate(listeners.verdict(now.listeners.get("generator")))
    if not now.generators or songs == generators:
        return note(songs) if now.songs else ""
    return note(labelled(tr("Songs"), songs)) + note(labelled(tr("Generators"), generators))


def _lead(lead: Lead) -> str:
    """Return who leads and how many votes would change that, in words."""
    names = [label(row) for row in lead.first]
    if len(names) == 1:
        said = tr("{name} leads: it is ahead of all others that have enough votes.", name=names[0])
    elif len(names) <= NAMED:
        said = tr("{names} lead, and it is too close to call between them.", names=tr(" and ").join(names))
    else:
        said = tr("any of {n} could be first: there are not enough votes to tell.", n=len(names))
    if lead.votes is None:
        return said
    return said + plural(
        lead.votes,
        " {n} more vote for the second against the first would change who is on top.",
        " {n} more votes for the second against the first would change who is on top.",
    )


def songs(ranked: Sequence[Rating]) -> str:
    """Return a table of all songs with a vote, best lower bound first, in a box of its own height."""
    rows = ((place, _titled(row), *_rating(row)) for place, row in _placed(ranked))
    return _ratings(tr("Songs"), tr("Title"), rows) if ranked else ""


def generators(ranked: Sequence[Rating]) -> str:
    """Return a table of all generators with a vote, best lower bound first."""
    rows = ((place, label(row), *_rating(row)) for place, row in _placed(ranked))
    return _ratings(tr("Generators"), tr("Generator"), rows) if ranked else ""


def _ratings(caption: str, what: str, rows: Iterable[Cells]) -> str:
    return table(caption, (tr("Rank"), what, tr("Rating and its 95% interval"), tr("Votes")), rows, "wide tall rated")


def otherwise(ranked: Sequence[Rating], ways: Otherwise) -> str:
    """Return whether other ways to count ties would change the ranks, with a folded table of each row's ratings."""
    rated = [row for row in ranked if not row.unrated]
    said = translate(verdict(ranked, ways))
    if not rated or not ways:
        return note(said) if rated else ""
    others = [{row.key: row for row in rows} for rows in ways.values()]
    rows = (
        (label(row), *(rank_and_rating(each) for each in (row, *(found.get(row.key) for found in others))))
        for row in rated
    )
    head = tr("Name"), tr("As it is"), *(tr(WAYS[way]) for way in ways)
    return folded(said, table(tr("Ranks and ratings"), head, rows, "wide tall"))


def _placed(ranked: Sequence[Rating]) -> Iterator[tuple[str, Rating]]:
    """Yield the ranks that the votes allow, and ratings. What has too few votes comes last and has no rank."""
    yield from ((ranks(row), row) for row in ranked if not row.unrated)
    yield from ((ranks(row), row) for row in ranked if row.unrated)


def _titled(row: Rating) -> str:
    return Markup("{}<small>{}</small>").format(label(row), song_text(row.generator))


def _rating(row: Rating) -> Cells:
    votes = tr("{n} ({won} won, {tied} tied)", n=row.votes, won=row.wins, tied=row.ties)
    if row.unrated:
        return tr(TOO_FEW), votes
    interval = _numbers(ConfidenceInterval(row.rating, row.low, row.high), "{:.0%}")
    return Markup(BAR).format(
        text=tr("{value} ({low} to {high})", **interval),
        kind="preliminary" if row.preliminary else "",
        **{name: f"{share:.1%}" for name, share in (("at", row.rating), ("low", row.low), ("high", row.high))},
    ), votes + _preliminary(row.preliminary)


def _preliminary(so: bool) -> str:
    return tr(", preliminary") if so else ""


def not_counted(found: NotCounted) -> str:
    """Return how many votes do not count in a sentence, and the reasons in a table that is folded away."""
    if not found.total:
        all_count = "All {n} votes before {day} (UTC) count."
        return note(tr(all_count, n=f"{found.votes:,}", day=found.before)) if found.votes else ""
    shown = [*found.reasons.items()][:MAX_REASONS]
    rows = [(_reason(reason), f"{votes:,}") for reason, votes in shown]
    if rest := found.total - sum(votes for _, votes in shown):
        rows.append((tr("other reasons"), f"{rest:,}"))
    said = plural(
        found.total,
        "Of {all} votes before {day} (UTC), {n} does not count. The reason: {reason}.",
        "Of {all} votes before {day} (UTC), {n} do not count. The most frequent reason: {reason}.",
        all=f"{found.votes:,}",
        day=found.before,
        reason=rows[0][0],
    )
    why = (
        "Such votes are kept, but change no figure on this page. Today’s are not shown, so that nobody who cheats can "
        "find out what was noticed."
    )
    return folded(said, note(tr(why)) + table(tr("Votes that do not count"), (tr("Reason"), tr("Votes")), rows))


def _reason(reason: str) -> str:
    return tr(REASONS[reason]) if reason in REASONS else reason


def agreement(now: LeaderboardSnapshot) -> str:
    """Return a table of people's votes against each judge's predictions, on the pool's songs and on visitors' own."""
    panels = [panel for panel in now.agreement.values() if panel.votes]
    shares = tr("Agreed"), tr("“Always A”"), tr("Beyond “Always A”"), tr("Brier score")
    head = tr("Judge"), tr("Songs"), tr("Votes"), *shares, tr("Ties, both bad"), ""
    rows = [_agreement(panel, judge) for panel in panels for judge in panel.judges]
    return "".join(_sides(panel) for panel in panels) + (table(tr(JUDGES), head, rows, "wide") if rows else "")


def _sides(panel: AgreementReport) -> str:
    undecided = panel.votes - panel.decided
    return note(
        tr(
            "On {whose} songs: {sides} {undecided} of {n} votes were ties or “both bad”.",
            whose=tr(SONGS[panel.source]),
            sides=translate(panel.sides),
            undecided=undecided,
            n=panel.votes,
        )
    )


def _agreement(panel: AgreementReport, judge: Agreement) -> Cells:
    about = judge_title(judge.judge), tr(SONGS[panel.source]), str(judge.decided)
    if judge.unrated:
        return *about, *("–",) * 4, str(judge.ties), tr(TOO_FEW)
    figures = (judge.agreed, "{:.0%}"), (judge.always_a, "{:.0%}"), (judge.gain, "{:+z.0%}"), (judge.brier, "{:.3f}")
    return (
        *about,
        *(_with_interval(estimate, form) for estimate, form in figures),
        *(str(judge.ties), tr(AGAINST_CHANCE[judge.against_chance]) + _preliminary(judge.preliminary)),
    )


def _with_interval(estimate: ConfidenceInterval, form: str) -> str:
    return tr("{value} ({low} to {high})", **_numbers(estimate, form))


def _numbers(estimate: ConfidenceInterval, form: str) -> dict[str, str]:
    return {name: minus(form.format(getattr(estimate, name))) for name in ("value", "low", "high")}


def calibration(judges: Sequence[Agreement]) -> str:
    """Return a table of how often the favoured song won, by the probability that the judge predicted."""
    head = tr("Judge"), tr("Predicted"), tr("On average"), tr("Won"), tr("95% interval"), tr("Votes")
    rows = [
        (
            *(judge_title(judge.judge), span(percent(row.low), percent(row.high)), percent(row.predicted)),
            *(*figure(row.won), f"{row.share * judge.decided:.0f}"),
        )
        for judge in judges
        for row in judge.calibration
    ]
    title = tr("Calibration: wins of the song that the judge favoured")
    return table(title, head, rows, "wide") if rows else ""


def meetings(met: Sequence[Meeting]) -> str:
    """Return which share of votes each generator won against each other one, as a coloured table, and each pair's
    interval, folded.

    Of more than MAX_GENERATORS generators, the first table has those with the most votes.
    """
    if not met:
        return ""
    votes: Counter[str] = Counter()
    for pair in met:
        votes.update({pair.first: pair.votes, pair.second: pair.votes})
    shown = sorted(name for name, _ in votes.most_common(MAX_GENERATORS))
    caption = tr("Won by the generator of the row against that of the column, and the number of votes")
    if len(votes) > MAX_GENERATORS:
        caption = tr("{label}: the first {n} of {all}", label=caption, n=MAX_GENERATORS, all=f"{len(votes):,}")
    head = tr("Generator"), *(str(place) for place, _ in enumerate(shown, 1))
    rows = _matrix(met, shown)
    return table(caption, head, rows, "matrix") + folded(tr("Each pair with its interval"), _pairs(met))


def _matrix(met: Sequence[Meeting], shown: Sequence[str]) -> Iterator[Cells]:
    """Yield a row for each generator: its number and name, and what it won against each one."""
    cells = {(pair.first, pair.second): _won(pair.share.value, pair.votes) for pair in met}
    cells |= {(pair.second, pair.first): _won(1 - pair.share.value, pair.votes) for pair in met}
    for place, row in enumerate(shown, 1):
        yield f"{place}. {song_text(row)}", *(cells.get((row, column), "") for column in shown)


def _won(share: float, votes: int) -> str:
    """Return a share of votes in the colour of the side that won more of them, the stronger the clearer."""
    if votes < MIN_VOTES:
        return Markup("<span>–<small>{}</small></span>").format(votes)
    side, weight = "more" if share > 0.5 else "less", abs(share - 0.5) * 2 * STRONGEST
    cell = Markup('<span class="{}" style="--weight: {:.0%}">{}<small>{}</small></span>')
    return cell.format(side, weight, percent(share), votes)


def _pairs(met: Sequence[Meeting]) -> str:
    """Return a table of the votes between each two generators."""
    head = tr("Between"), tr("Votes"), tr("Won by the first"), tr("95% interval"), tr("Tied")
    rows = (
        (
            tr(" and ").join(map(song_text, (pair.first, pair.second))),
            str(pair.votes),
            *(figure(pair.share) if pair.votes >= MIN_VOTES else (tr(TOO_FEW), "–")),
            str(pair.ties),
        )
        for pair in met
    )
    return table(tr("Votes between generators; a tie is half a win"), head, rows, "wide tall")


def tags(given: Sequence[WinTags]) -> str:
    """Return a folded table of why voters preferred each generator's songs, of those with enough votes."""
    rows = [
        (song_text(each.generator), str(each.votes), *(str(each.tags.get(tag, 0)) for tag in TAGS))
        for each in given
        if each.votes >= MIN_VOTES
    ]
    title = tr("Why voters preferred a generator’s songs: votes with each reason")
    head = tr("Generator"), tr("Votes with reasons"), *map(tr, TAGS.values())
    return folded(tr("Why they won"), table(title, head, rows, "wide")) if rows else ""


def between(judges: Sequence[Agreement]) -> str:
    """Return a table of the agreement by the generators of the two songs."""
    head = tr("Judge"), tr("Between"), tr("Votes"), tr("Agreed"), tr("95% interval")
    rows = [
        (
            *(judge_title(judge.judge), tr(" and ").join(map(song_text, pair.generators)), str(pair.decided)),
            *(figure(pair.agreed) if pair.decided >= MIN_VOTES else (tr(TOO_FEW), "–")),
        )
        for judge in judges
        for pair in judge.generators
    ]
    return table(tr("Agreement by generators"), head, rows, "wide tall") if rows else ""


def learning_curves(curves: Sequence[LearningCurve]) -> str:
    """Return a table of how many votes each way to predict has foreseen so far, and how well its chances fit.

    A judge is held against generators alone and against always B on the votes that it predicted.
    """
    head = (
        *(tr("What predicts"), tr("Votes"), tr("Foreseen"), tr("95% interval")),
        *(tr("Foreseen more than by generators alone"), tr("Foreseen more than by always B")),
        *(tr("Log-loss"), tr("Version")),
    )
    rows = [
        (
            *(curve_name(curve), f"{last.predicted:,}", *(figure(last.right) if curve.kind != "coin" else ("50%", ""))),
            *(_with_interval(lead, "{:+z.1%}") if lead else "" for lead in (curve.over_generators, curve.over_b)),
            *("–" if last.loss is None else f"{last.loss:.3f}", _version(curve)),
        )
        for curve in curves
        for last in curve.points[-1:]
    ]
    return table(tr("Votes foreseen so far. A log-loss is better the lower it is"), head, rows, "wide") if rows else ""


def _version(curve: LearningCurve) -> str:
    """Return the names of the judge's weights, and by what it predicted."""
    by = curve.by
    if by == "learned":
        by = tr("learned from votes")
    elif by.startswith("rule "):
        by = tr("published rule {revision}", revision=by.removeprefix("rule "))
    elif by.startswith("head "):
        by = tr("preference head {revision}", revision=by.removeprefix("head "))
    return "; ".join(filter(None, (curve.weights, by)))
