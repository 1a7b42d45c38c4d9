"""Renders a Report as HTML."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from math import exp

from markupsafe import Markup

from ... import plots
from ...audio.features import AudioFeatures
from ...audio.streaming import SERVICES, turned_down
from ...core.axes import COMPARATIVES, SONGEVAL, Axis
from ...core.i18n import plural, tr, translate
from ...core.text import clock, minus
from ...judges.passages import Passage
from ...judges.registry import REGISTRY, reference
from ...judges.report import Report, to_json
from ...judges.report_csv import to_csv
from ...judges.takes import Change, beside, changes
from ...judges.verified import caution, licence, summary
from ...plots.ranking_text import SPREAD
from ...preference.passages import preferred
from .html import Cells, download_links, folded, labelled, listed, note, percent, table

AGAINST = {
    "last": "Against your last take, {name}",
    "kept": "Against the take that you keep, {name}",
    "reference": "Against the reference song, {name}",
}
"""How a sentence begins that compares a song with another one, by what that one is to the visitor."""
SHORT_SECONDS = 10.0
"""Duration below which the page says that the scores mean little."""
ALIKE = 0.25
"""Difference of aesthetic scores, from 1 to 5, below which the page does not say which one is the lowest."""
LOUDNESS_STEP = 10
"""Seconds from one row to the next in the table of the loudness over time."""
SERVICES_NOTE = (
    "Streaming services play loud songs quieter, so that all songs are about equally loud. A song that was made very "
    "loud gains nothing there. Nothing is cut from the song. The levels are those that are known of the services; a "
    "listener can choose another one or none."
)
PASSAGES_NOTE = (
    "Of many passages one is always the best. It stands out if it differs from the rest of the song by more than the "
    "best or the weakest would by chance. This is what the judge makes of it, not what listeners do."
)
LIFTS_NOTE = (
    "The song’s score minus what it would be without this part. Above 0, the part lifts the score. This is exact; why "
    "it does so is not known."
)


def cards(report: Report, other: Report | None = None, kind: str = "last") -> str:
    """Return the song's name, what stands out, and its scores as large numbers, those that are known first.

    `other` is the same judge's report on another song, of which the differences are shown. `kind` is one of AGAINST.
    """
    changed = changes(report, other) if other else ()
    lines = {change.axis: _change(change) for change in changed}
    against = [_against(report, other, changed, kind)] if other else []
    axes = sorted(report.axes, key=lambda axis: report.scores[axis.key] is None)
    judge = REGISTRY[report.judge]
    notes = [tr(SPREAD, judge=judge.title)] if report.spread else []
    return (
        f'<h2 class="song">{escape(report.file)}</h2>'
        f'<p class="by">{escape(by(report))}</p>'
        f"{unverified([report])}"
        f"{_paragraphs(against, 'against')}{_paragraphs(_unsure(report, changed), 'by')}"
        f"{_paragraphs(standing_out(report))}"
        f'<div class="cards" role="list">{"".join(_card(report, axis, lines.get(axis, "")) for axis in axes)}</div>'
        f"{_paragraphs(notes, 'by')}"
    )


def example(report: Report | None, title: str) -> str:
    """Return a report on a song of ours, marked as an example, to show where a visitor's scores will be."""
    if report is None:
        return ""
    lead = tr("This is an example. The scores of your song will be here.")
    return f'<section class="sample"><p class="lead">{escape(lead)}</p>{cards(replace(report, file=title))}</section>'


def by(report: Report) -> str:
    """Return which judge a report is by, and what this is."""
    return labelled(REGISTRY[report.judge].title, translate(summary(report.judge, report.weights)))


def unverified(reports: Iterable[Report]) -> str:
    """Return a warning of weights that nobody knows, or nothing."""
    found = caution(reports)
    return note(translate(found), "caution") if found else ""


def _paragraphs(texts: Iterable[str], kind: str = "") -> str:
    return "".join(f'<p class="{kind}">{escape(text)}</p>' for text in texts)


def standing_out(report: Report) -> Iterator[str]:
    """Yield sentences: a caution for a short sound, and the highest and the lowest aesthetic score."""
    if report.duration < SHORT_SECONDS:
        text = "This sound lasts only {seconds} s. The judges learned from whole songs, so its scores mean little."
        yield tr(text, seconds=f"{report.duration:.0f}")
    known = {axis: score for axis in report.axes if (score := report.scores[axis.key]) is not None}
    aesthetic = [axis for axis in known if axis.group == "aesthetics"]
    if len(aesthetic) < 2:
        return
    low, high = min(aesthetic, key=known.__getitem__), max(aesthetic, key=known.__getitem__)
    if known[high] - known[low] < ALIKE:
        yield tr("The aesthetic scores are much alike.")
        return
    yield tr(
        "Highest: {high}, {high_score} of 5. Lowest: {low}, {low_score} of 5.",
        high=translate(high.label),
        high_score=number(high, known[high]),
        low=translate(low.label),
        low_score=number(low, known[low]),
    ) + _lowest_part(report, low)


def _lowest_part(report: Report, axis: Axis) -> str:
    """Say in which segment the score of an axis is lowest, if its segments differ."""
    long = (part for part in report.segments if part.end - part.start >= SHORT_SECONDS)
    parts = [(score, part) for part in long if (score := part.scores[axis.key]) is not None]
    if not parts or max(score for score, _ in parts) - min(score for score, _ in parts) < ALIKE:
        return ""
    _, lowest = min(parts, key=lambda each: each[0])
    text = " It is lowest from {start} to {end}."
    return tr(text, start=clock(lowest.start), end=clock(lowest.end))


def _against(report: Report, other: Report, changed: Sequence[Change], kind: str) -> str:
    """Return a sentence on how the song differs from the other one, by its scores."""
    moved = [change for change in changed if _moved(change)]
    clear, perhaps = (_comparatives(each for each in moved if bool(each.clear) is sure) for sure in (True, False))
    parts = [clear, tr("perhaps {words}", words=perhaps) if perhaps else ""]
    if report.sha256 == other.sha256:
        parts = [tr("the same sound")]
    elif len(moved) < len(changed):
        parts.append(tr("the rest is about the same") if moved else tr("about the same"))
    return f"{labelled(tr(AGAINST[kind], name=other.file), tr('; ').join(filter(None, parts)))}{tr('.')}"


def _comparatives(changed: Iterable[Change]) -> str:
    return listed([translate(COMPARATIVES[each.axis.key][each.value < 0]) for each in changed])


def _unsure(report: Report, changed: Sequence[Change]) -> Iterator[str]:
    """Yield a sentence on the scores of which it is not known how large a change means something."""
    axes = listed([translate(each.axis.label) for each in changed if _moved(each) and each.clear is None])
    judge = REGISTRY[report.judge].title
    if axes and report.spread:
        yield tr(
            "It is not known how exact {judge} is in {axes}. A small change there may mean nothing.",
            judge=judge,
            axes=axes,
        )
    elif axes:
        yield tr("It is not known how exact {judge}’s scores are. A small change may mean nothing.", judge=judge)


def _moved(change: Change) -> bool:
    """Return whether a score is another one, as far as the judge can tell and as the page shows it."""
    return change.clear is not False and float(number(change.axis, abs(change.value))) != 0


def _change(change: Change) -> str:
    """Return a line on how a score differs from the other song's: an arrow, and the same in words."""
    words = escape(_difference(change))
    if not _moved(change):
        return f'<p class="change">{words}</p>'
    kind, arrow = ("up", "▲") if change.value > 0 else ("down", "▼")
    return f'<p class="change {kind}"><span aria-hidden="true">{arrow}</span> {words}</p>'


def _difference(change: Change) -> str:
    """Return in words how much higher or lower a score is than the other song's."""
    size = number(change.axis, abs(change.value))
    if not _moved(change):
        return tr("about the same")
    return tr("{size} higher", size=size) if change.value > 0 else tr("{size} lower", size=size)


def _card(report: Report, axis: Axis, change: str) -> str:
    value, note = report.scores[axis.key], translate(axis.meaning)
    if value is None:
        note = escape(translate(report.missing[axis.key]))
        shown = f'<span class="none" title="{note}">–</span>'
    else:
        spread = report.spread.get(axis.key)
        interval = "" if spread is None else f", ± {number(axis, spread)}"
        scale = f" / {axis.high:g}" if axis.bounded else ""
        shown = f"<b>{number(axis, value)}</b><small>{scale}{interval}</small>"
    label = f"<span>{translate(axis.label)}</span>"
    return (
        f'<div class="card {axis.group}" role="listitem">{label}<div>{shown}</div>{change}<small>{note}</small></div>'
    )


def number(axis: Axis, value: float) -> str:
    """Return a score as people read it: whole percentiles, or two decimals on other scales."""
    return minus(f"{value:z.0f}" if axis.high == 100 else f"{value:z.2f}")


def tables(report: Report, play: bool = False, reference_song: Report | None = None) -> str:
    """Return the scores, timeline, measurements and origin as tables, folded away.

    Times are buttons if the page can `play` them.

    The scores of a `reference_song` by the same judge stand beside the song's.
    """
    more = (tr("Reference song"), tr("Difference")) if reference_song else ()
    timeline = [
        [moment(s.start, s.end, play), *(cell(a, s.scores[a.key]) for a in report.axes)] for s in report.segments
    ]
    return "".join(
        (
            _section(
                tr("Scores"),
                (tr("Axis"), tr("Score"), *more, tr("80% interval"), tr("Range"), _source(report), tr("Meaning")),
                _scores(report, reference_song),
            ),
            _section(tr("By segment"), (tr("Time"), *(translate(a.label) for a in report.axes)), timeline),
            passages(report, play),
            lifts(report, play),
            _section(tr("Measured, not predicted"), (tr("What"), tr("Value")), measured(report)),
            loudness_over_time(report),
            streaming(report),
            _section(tr("Provenance"), (tr("What"), tr("Value")), origin(report)),
        )
    )


def _section(title: str, head: Cells, rows: Iterable[Cells]) -> str:
    return folded(title, table(title, head, rows))


def moment(start: float, end: float, play: bool) -> str:
    """Return from when to when a part of a song is: as text, or as a button that plays it (static/play_parts.js)."""
    time = f"{clock(start)}–{clock(end)}"
    if not play:
        return time
    return Markup('<button type="button" data-from="{}" data-to="{}" aria-label="{}">▶ {}</button>').format(
        start, end, tr("Hear {time}", time=time), time
    )


def passages(report: Report, play: bool) -> str:
    """Return the best and the weakest 30 s by each score, and by what people would prefer, folded away."""
    rows = [
        (
            translate(axis.label),
            *(_passage(each, number(axis, each.score), play) for each in (found.best, found.weakest)),
        )
        for axis in report.axes
        if (found := report.passages.get(axis.key))
    ]
    if by_preference := preferred(report):
        sides = (by_preference.best, by_preference.weakest)
        chances = (_passage(each, percent(1 / (1 + exp(-each.score))), play) for each in sides)
        rows.append((tr("Chance to be preferred to the whole song"), *chances))
    title, head = tr("The best and the weakest 30 seconds"), (tr("Score"), tr("Best 30 s"), tr("Weakest 30 s"))
    return folded(title, f"<p>{escape(tr(PASSAGES_NOTE))}</p>{table(title, head, rows, 'compact')}") if rows else ""


def _passage(passage: Passage, score: str, play: bool) -> str:
    """Return when a passage is, its score, and whether it differs from the rest of the song by more than noise."""
    text = "{score}, stands out" if passage.differs else "{score}, perhaps by chance"
    said = score if passage.differs is None else tr(text, score=score)
    return Markup("{} {}{}").format(moment(passage.start, passage.end, play), _file(passage) if play else "", said)


def passage_key(passage: Passage) -> str:
    """Return what the button for a passage's file tells static/cut.js."""
    return f"{passage.start} {passage.end}"


def _file(passage: Passage) -> Markup:
    """Return a button that gets a passage as a file."""
    label = tr("{time} as an mp3 file", time=f"{clock(passage.start)}–{clock(passage.end)}")
    button = '<button type="button" data-cut="{}" aria-label="{}" title="{}">↓ mp3</button> '
    return Markup(button).format(passage_key(passage), label, label)


def lifts(report: Report, play: bool) -> str:
    """Return by how much each segment lifts or lowers the song's scores, folded away."""
    axes = [axis for axis in report.axes if any(axis.key in part.lift for part in report.segments)]
    rows = [
        (moment(part.start, part.end, play), *(_signed(axis, part.lift[axis.key]) for axis in axes))
        for part in report.segments
        if part.lift
    ]
    title, head = tr("What lifts and what lowers the scores"), (tr("Time"), *(translate(axis.label) for axis in axes))
    return folded(title, f"<p>{escape(tr(LIFTS_NOTE))}</p>{table(title, head, rows)}") if axes else ""


def _signed(axis: Axis, value: float) -> str:
    return minus(f"{value:+z.{1 if axis.high == 100 else 2}f}")


def _source(report: Report) -> str:
    """Return which songs the references are of. All axes of a judge have the same."""
    return translate(next((axis.source for axis in report.axes if reference(report.judge, axis)), SONGEVAL))


def _scores(report: Report, reference_song: Report | None) -> Iterable[Cells]:
    about = tr("about ")
    found = {each.axis: each for each in changes(report, reference_song)} if reference_song else {}
    for axis in report.axes:
        value, spread = report.scores[axis.key], report.spread.get(axis.key)
        interval = "" if value is None or spread is None else f"± {number(axis, spread)}"
        known = reference(report.judge, axis)
        compared = f"{number(axis, known[0])} ± {about}{known[1]:.2f}" if known else ""
        meaning = translate(report.missing.get(axis.key, axis.meaning))
        scale = f"{axis.low:g}–{axis.high:g}" if axis.bounded else tr("no bounds")
        more = _beside(found.get(axis)) if reference_song else ()
        yield translate(axis.label), cell(axis, value), *more, interval, scale, compared, meaning


def _beside(change: Change | None) -> Cells:
    """Return the other song's score, and how the song's differs from it, with the judge's error."""
    if change is None:
        return "–", "–"
    words = _difference(change)
    error = "" if change.error is None else f" (±\u00a0{number(change.axis, change.error)})"
    return number(change.axis, change.other), f"{words}{error}"


def cell(axis: Axis, value: float | None) -> str:
    """Return a score for a table, or a dash if there is none."""
    return "–" if value is None else number(axis, value)


def measured(report: Report) -> list[Cells]:
    """Return the measurements as rows of name and value."""
    m = report.features
    loudness = tr("too quiet or short to say") if m.loudness is None else minus(f"{m.loudness:.1f} LUFS")
    fit = "–" if m.key_fit is None else tr("{fit} of 1", fit=f"{m.key_fit:.2f}")
    return [
        (tr("Duration"), clock(report.duration)),
        (tr("Tempo"), _tempo(m)),
        (tr("Key"), _key(m)),
        (tr("How well the key fits"), fit),
        (tr("Loudness"), loudness),
        (tr("Loudest 3 s"), minus(f"{max(m.short_term):.1f} LUFS") if m.short_term else "–"),
        (tr("Loudness range"), "–" if m.loudness_range is None else f"{m.loudness_range:.1f} LU"),
        (tr("Peak"), minus(f"{m.peak:.1f} dBFS")),
        (tr("True peak"), "–" if m.true_peak is None else minus(f"{m.true_peak:.1f} dBTP")),
        (tr("Clipping"), tr("{share}% of the samples", share=f"{100 * m.clipped:.3f}") if m.clipped else tr("none")),
        (tr("Stereo width"), _width(m)),
        (tr("Played in mono"), _mono(m)),
        (tr("Bandwidth"), f"{m.bandwidth / 1000:.1f} kHz"),
        (tr("File"), f"{m.rate / 1000:g} kHz{tr(', ')}{plural(m.channels, '{n} channel', '{n} channels')}"),
    ]


def _tempo(m: AudioFeatures) -> str:
    """Format a tempo, with its half or double, which is often the one that is meant."""
    if m.tempo is None:
        return tr("no steady beat found")
    if m.other_tempo is None:
        return tr("{n} beats per minute", n=f"{m.tempo:.0f}")
    return tr("{n} or {other} beats per minute", n=f"{m.tempo:.0f}", other=f"{m.other_tempo:.0f}")


def _key(m: AudioFeatures) -> str:
    """Format a key, with another one that fits almost as well."""
    best, other = (" ".join(map(translate, key.split())) if key else "" for key in (m.key, m.other_key))
    if not best:
        return tr("no clear key found")
    return tr("{key}, or perhaps {other}", key=best, other=other) if other else best


def _width(m: AudioFeatures) -> str:
    if m.width is None:
        return tr("none: one channel") if m.channels == 1 else "–"
    return tr("{share}% of the sound differs between left and right", share=f"{100 * m.width:.0f}")


def _mono(m: AudioFeatures) -> str:
    """Format what is lost if left and right are averaged, and how alike they are."""
    if m.mono_loss is None:
        return "–"
    likeness = "–" if m.correlation is None else minus(f"{m.correlation:.2f}")
    return tr("{loss} dB quieter (correlation {likeness})", loss=minus(f"{abs(m.mono_loss):.1f}"), likeness=likeness)


def loudness_over_time(report: Report) -> str:
    """Return the loudness of every 3 s as a picture and a table, folded away."""
    values = report.features.short_term
    rows = [
        (f"{clock(at)}–{clock(at + 3)}", minus(f"{value:.1f} LUFS"))
        for at, value in list(enumerate(values))[::LOUDNESS_STEP]
    ]
    title = tr("Loudness over time")
    shown = plots.loudness(report) + table(title, (tr("Time"), tr("Loudness")), rows, "tall")
    return folded(title, shown) if values else ""


def streaming(report: Report) -> str:
    """Return by how much streaming services turn the song down, folded away."""
    quieter = turned_down(report.features.played_loudness)
    rows = [
        (each.name, minus(f"{each.target:.0f} LUFS"), tr("{n} dB", n=f"{quieter[each.name]:.1f}"))
        for each in SERVICES
        if each.name in quieter
    ]
    title, head = tr("How much quieter streaming services play it"), (tr("Service"), tr("Its level"), tr("Quieter by"))
    return folded(title, f"<p>{escape(tr(SERVICES_NOTE))}</p>{table(title, head, rows, 'compact')}") if rows else ""


def origin(report: Report) -> Iterable[Cells]:
    """Yield of which judge and weights the scores are, and how they were computed, as rows of name and value."""
    judge = REGISTRY[report.judge]
    yield tr("Judge"), f"{judge.title}{tr(', ')}{translate(summary(report.judge, report.weights))}"
    for weights in report.weights:
        yield tr("Weights"), f"{weights.repository}, {weights.revision}"
    yield tr("Their licence"), translate(licence(report.judge, report.weights))
    yield tr("Precision"), labelled(report.precision, translate(report.precision_reason))
    yield tr("Computed in"), f"{report.seconds:.1f}{tr(' s')}"
    if report.sha256:
        yield tr("Song’s hash"), f"sha256 {report.sha256[:16]}"


def downloads(report: Report, reference_song: Report | None = None) -> str:
    """Return links that download the report as JSON and as CSV. The JSON has the `reference_song` beside it, if any."""
    more = {"reference_song": beside(report, reference_song)} if reference_song else {}
    text = to_json(report.as_dict() | more)
    forms = (
        (tr("Report as JSON"), f"{report.judge}.json", "application/json", text),
        (tr("Report as CSV"), f"{report.judge}.csv", "text/csv", to_csv([report])),
    )
    return download_links(report.file.rsplit(".", 1)[0], forms)
