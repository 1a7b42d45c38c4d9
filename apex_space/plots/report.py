"""Draws figures of a report."""

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from ..core.axes import Axis
from ..core.i18n import tr, translate
from ..core.text import minus
from ..judges import registry
from ..judges.report import Report, Segment
from ..judges.windows import Windows
from .style import GREY, NEUTRAL, ROW_HEIGHT, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BAND = NEUTRAL[3]
CIRCLE = dict(symbol="circle", size=11, color="white", line=dict(width=2.5, color=NEUTRAL[7]))
"""Mark of the score of another song."""
WAVEFORM = "rgba(128,128,128,0.18)"
COLUMN = 0.035
"""Distance of another song's scores beside a timeline, as a share of its width: they stand in columns of their own."""
TIMES = 32
"""Height of the times below a timeline in pixels."""
PALE = 0.45
"""Opacity of what does not count."""
COLOURS = dict(  # after Okabe & Ito 2008: colour-blind people can tell them apart; 3:1 against white and near-black
    streams="#0072b2",
    likes="#d55e00",
    coherence="#009e73",
    musicality="#c0629a",
    memorability="#8c7000",
    clarity="#3a8fc9",
    naturalness="#7d6bd6",
    banger="#b8562a",
    appeal="#5b8a1f",
)


def _groups(axes: Iterable[Axis]) -> list[list[Axis]]:
    """Return a list of axes for each group; the axes of a group have the same range."""
    return [list(group) for _, group in groupby(axes, lambda axis: axis.group)]


def scores(report: Report, reference_song: Report | None = None) -> "Figure":
    """Draw one bar for each axis, and one panel for each group of axes.

    Lines are the judge's spread. Diamonds and bands are the mean and standard deviation of the axis' reference. Circles
    are the scores of a `reference_song` by the same judge.
    """
    from plotly.subplots import make_subplots

    groups = _groups(report.axes)
    sizes = [len(axes) for axes in groups]
    figure = make_subplots(rows=len(groups), row_heights=sizes, vertical_spacing=0.13)
    for row, axes in enumerate(groups, 1):
        for axis in axes:
            _bar(figure, report, axis, row)
            _reference_band(figure, report, axis, row)
            _spread(figure, report, axis, row)
            _reference_mean(figure, report, axis, row)
            _value(figure, report, axis, row)
        low, high = axes[0].low, axes[0].high
        figure.update_xaxes(range=[low, high + 0.16 * (high - low)], tickvals=_ticks(low, high), row=row, col=1)
        labels = [translate(axis.label) for axis in reversed(axes)]
        figure.update_yaxes(categoryorder="array", categoryarray=labels, row=row, col=1)
    if reference_song:
        for row, axes in enumerate(groups, 1):
            _other_scores(figure, reference_song, axes, row)
    if report.spread:
        line = dict(color=GREY, width=2)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name=tr("80% of unseen songs"), row=1, col=1)
    figure.update_layout(bargap=0.45, barmode="overlay", showlegend=True)
    return finished(figure, ROW_HEIGHT * sum(sizes) + 140, bottom=70)


def _bar(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    value = report.scores[axis.key]
    figure.add_bar(
        x=[0 if value is None else min(value, axis.high) - axis.low],
        base=axis.low,
        y=[translate(axis.label)],
        orientation="h",
        marker_color=COLOURS[axis.key],
        hovertemplate=f"{translate(axis.label)}{tr(': ')}{translate(axis.meaning)}<extra></extra>",
        showlegend=False,
        row=row,
        col=1,
    )


def _reference_band(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    reference = registry.reference(report.judge, axis)
    if reference is None or report.scores[axis.key] is None:
        return
    mean, deviation = reference
    figure.add_scatter(
        x=[mean - deviation, mean + deviation], y=[translate(axis.label)] * 2, row=row, col=1,
        mode="lines", line=dict(color=BAND, width=8), showlegend=False, hoverinfo="skip",
    )  # fmt: skip


def _reference_mean(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    reference = registry.reference(report.judge, axis)
    if reference is None or report.scores[axis.key] is None:
        return
    figure.add_scatter(
        x=[reference[0]],
        y=[translate(axis.label)],
        mode="markers",
        marker=dict(symbol="diamond", size=9, color=GREY, line=dict(width=1, color="white")),
        name=tr("{songs}, mean ± SD", songs=translate(axis.source)),
        showlegend=not any(trace.mode == "markers" for trace in figure.select_traces(dict(type="scatter"))),
        hovertemplate=f"{translate(axis.source)} %{{x:.2f}}<extra></extra>",
        row=row,
        col=1,
    )


def _other_scores(figure: "Figure", reference_song: Report, axes: list[Axis], row: int) -> None:
    """Draw the scores of another song as circles."""
    name = tr("Reference song")
    figure.add_scatter(
        x=[reference_song.scores[axis.key] for axis in axes], y=[translate(axis.label) for axis in axes],
        row=row, col=1, mode="markers", marker=CIRCLE, name=name, showlegend=row == 1,
        hovertemplate=f"{name} %{{x:.{_digits(axes[0])}f}}<extra></extra>",
    )  # fmt: skip


def _spread(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    """Draw the judge's spread as a line with ends. A white border sets it off from the bar and from a dark page."""
    value, spread = report.scores[axis.key], report.spread.get(axis.key)
    if value is None or not spread:
        return
    for colour, width in (("white", 5), (GREY, 2)):
        figure.add_scatter(
            x=[value - spread, value + spread], y=[translate(axis.label)] * 2, row=row, col=1,
            mode="lines+markers", line=dict(color=colour, width=width), showlegend=False, hoverinfo="skip",
            marker=dict(symbol="line-ns", size=8, line=dict(color=colour, width=width)),
        )  # fmt: skip


def _value(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    """Write the number into its own column at the right, clear of the marks."""
    value = report.scores[axis.key]
    text = tr("not predicted") if value is None else f"<b>{minus(f'{value:.{_digits(axis)}f}')}</b>"
    x, anchor = (
        (axis.low + 0.01 * (axis.high - axis.low), "left")
        if value is None
        else (axis.high + 0.15 * (axis.high - axis.low), "right")
    )
    figure.add_annotation(x=x, y=translate(axis.label), text=text, xanchor=anchor, showarrow=False, row=row, col=1)


def timeline(report: Report, reference_song: Report | None = None) -> "Figure":
    """Draw each predicted axis over time, and one panel for each group of axes.

    A score is constant within a segment. If it is known in finer steps, it is drawn at the middle of every 30 s. Behind
    the scores is how loud the song is, drawn as a waveform. Segments that do not count in the song's scores are pale.
    Circles after the end are the scores of a `reference_song` as a whole: moments of two songs do not belong together,
    and lines would be taken for scores over time.
    """
    from plotly.subplots import make_subplots

    groups = _groups(axis for axis in report.axes if report.scores[axis.key] is not None)
    figure = make_subplots(rows=max(1, len(groups)), shared_xaxes=True, vertical_spacing=0.08)
    fine = report.windows if report.windows and report.windows.step < report.segments[0].end else None
    segments = () if fine else report.segments
    runs = [(counts, list(run)) for counts, run in groupby(segments, lambda segment: segment.counts)]
    for row, axes in enumerate(groups, 1):
        if axes[0].bounded and report.features.short_term:
            _waveform(figure, report, axes[0], row)
        for column, axis in enumerate(axes, 1):
            if fine:
                _curve(figure, axis, row, fine)
            for place, (counts, run) in enumerate(runs):
                _run(figure, axis, row, run, "" if counts else _uncounted(report), not place)
            if reference_song:
                _other_score(figure, reference_song, axis, row, report.duration * (1 + column * COLUMN))
        if axes[0].bounded:
            figure.update_yaxes(range=[axes[0].low, axes[0].high], row=row, col=1)
    step = 30 * max(1, round(report.duration / 180))
    marks = list(range(0, int(report.duration) + 1, step))
    columns = max(map(len, groups), default=0) + 1 if reference_song else 0
    figure.update_xaxes(
        tickvals=marks, ticktext=[f"{t // 60}:{t % 60:02}" for t in marks], tickangle=0,
        range=[0, report.duration * (1 + columns * COLUMN)],
        ticks="outside", ticklen=8, tickcolor="rgba(0,0,0,0)",  # so that 0:00 does not touch the lowest score
    )  # fmt: skip
    if not all(counts for counts, _ in runs):
        line = dict(color=GREY, width=2.5)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, opacity=PALE, name=_uncounted(report))
    if reference_song:
        mark = CIRCLE | {"size": 8, "line": dict(width=2, color=GREY)}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=mark, name=tr("Reference song as a whole"))
        figure.add_vline(report.duration, line=dict(color=GREY, width=1))
    figure.update_layout(showlegend=True)
    bottom = 60 + 16 * sum(trace.showlegend is not False for trace in figure.data)  # a phone has few in a row
    height = 70 + bottom + 145 * max(1, len(groups))
    finished(figure, height, bottom).update_layout(legend=dict(y=(bottom - TIMES) / height, yanchor="top"))
    return figure


def _waveform(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    """Draw the amplitude of every 3 s, from its loudness, around the middle of the panel of an axis."""
    loudness = report.features.short_term
    seconds = [second + 1.5 for second in range(len(loudness))]
    middle, most = (axis.high + axis.low) / 2, 0.45 * (axis.high - axis.low)
    half = [most * 10 ** ((each - max(loudness)) / 20) for each in loudness]
    outline = [*(round(middle + each, 2) for each in half), *(round(middle - each, 2) for each in reversed(half))]
    figure.add_scatter(
        x=[*seconds, *reversed(seconds)], y=outline, row=row, col=1, fill="toself", fillcolor=WAVEFORM, mode="none",
        name=tr("Loudness"), legendgroup="loudness", showlegend=row == 1, hoverinfo="skip",
    )  # fmt: skip


def _curve(figure: "Figure", axis: Axis, row: int, windows: Windows) -> None:
    """Draw an axis at the middles of windows."""
    starts = [number * windows.step for number in range(len(windows))]
    label, score = translate(axis.label), f"%{{y:.{_digits(axis)}f}}"
    hover = tr("{axis} {score} from {second} s", axis=label, score=score, second="%{customdata:.0f}")
    figure.add_scatter(
        x=[start + windows.seconds / 2 for start in starts], y=list(windows.scores[axis.key]), customdata=starts,
        row=row, col=1, name=label, mode="lines+markers", line=dict(color=COLOURS[axis.key], width=2.5),
        marker=dict(size=4), hovertemplate=f"{hover}<extra></extra>",
    )  # fmt: skip


def _run(figure: "Figure", axis: Axis, row: int, run: list[Segment], uncounted: str, legend: bool) -> None:
    """Draw an axis over successive segments, pale if there is a reason why they are `uncounted`."""
    label, score = translate(axis.label), f"%{{y:.{_digits(axis)}f}}"
    hover = tr("{axis} {score} from {second} s", axis=label, score=score, second="%{x:.0f}")
    values = [segment.scores[axis.key] for segment in run]
    figure.add_scatter(
        x=[*(segment.start for segment in run), run[-1].end], y=[*values, values[-1]], row=row, col=1,
        name=label, legendgroup=axis.key, showlegend=legend, opacity=PALE if uncounted else 1, mode="lines+markers",
        line=dict(shape="hv", color=COLOURS[axis.key], width=2.5), marker=dict(size=5),
        hovertemplate=f"{hover}{f'<br>{uncounted}' if uncounted else ''}<extra></extra>",
    )  # fmt: skip


def _other_score(figure: "Figure", reference_song: Report, axis: Axis, row: int, x: float) -> None:
    """Draw the score of another song as a circle at `x` seconds, in the axis' colour."""
    name = f"{tr('Reference song')}{tr(', ')}{translate(axis.label)}"
    figure.add_scatter(
        x=[x], y=[reference_song.scores[axis.key]], row=row, col=1, legendgroup=axis.key, showlegend=False,
        mode="markers", marker=CIRCLE | {"size": 8, "line": dict(width=2, color=COLOURS[axis.key])},
        hovertemplate=f"{name} %{{y:.{_digits(axis)}f}}<extra></extra>",
    )  # fmt: skip


def _uncounted(report: Report) -> str:
    """Return why some segments do not count in the song's scores."""
    seconds = {counts: [s.end - s.start for s in report.segments if s.counts == counts] for counts in (False, True)}
    too_short = max(seconds[False]) < min(seconds[True], default=0)
    return tr("too short to count in the score") if too_short else tr("does not count in the score")


def _digits(axis: Axis) -> int:
    return 0 if axis.high == 100 else 2


def _ticks(low: float, high: float) -> list[int]:
    return list(range(int(low), int(high) + 1, 25 if high == 100 else 1 if high - low <= 10 else 3))
