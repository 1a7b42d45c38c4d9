"""Draws figures of a report."""

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from ..core.axes import Axis
from ..core.i18n import tr, translate
from ..judges.report import Report
from .style import GREY, ROW_HEIGHT, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = dict(  # after Okabe & Ito 2008: colour-blind people can tell them apart; 3:1 against white and near-black
    streams="#0072b2",
    likes="#d55e00",
    coherence="#009e73",
    musicality="#c0629a",
    memorability="#8c7000",
    clarity="#3a8fc9",
    naturalness="#7d6bd6",
    banger="#b8562a",
)


def _groups(axes: Iterable[Axis]) -> list[list[Axis]]:
    """Return a list of axes for each group; the axes of a group have the same range."""
    return [list(group) for _, group in groupby(axes, lambda axis: axis.group)]


def scores(report: Report) -> "Figure":
    """Draw one bar for each axis, and one panel for each group of axes.

    Whiskers are the judge's spread. Diamonds are SongEval's mean and standard deviation.
    """
    from plotly.subplots import make_subplots

    groups = _groups(report.axes)
    sizes = [len(axes) for axes in groups]
    figure = make_subplots(rows=len(groups), row_heights=sizes, vertical_spacing=0.13)
    for row, axes in enumerate(groups, 1):
        for axis in axes:
            _bar(figure, report, axis, row)
            _reference(figure, report, axis, row)
            _value(figure, report, axis, row)
        low, high = axes[0].low, axes[0].high
        figure.update_xaxes(range=[low, high + 0.16 * (high - low)], tickvals=_ticks(low, high), row=row, col=1)
        labels = [translate(axis.label) for axis in reversed(axes)]
        figure.update_yaxes(categoryorder="array", categoryarray=labels, row=row, col=1)
    if report.spread:
        whisker = dict(color=GREY, width=1.5)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=whisker, name=tr("80% of unseen songs"), row=1, col=1)
    figure.update_layout(bargap=0.45, barmode="overlay", showlegend=True)
    return finished(figure, ROW_HEIGHT * sum(sizes) + 130, bottom=60)


def _bar(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    value, spread = report.scores[axis.key], report.spread.get(axis.key)
    whisker = dict(array=[spread], thickness=1.5, color=GREY) if value is not None and spread else None
    figure.add_bar(
        x=[0 if value is None else value - axis.low],
        base=axis.low,
        y=[translate(axis.label)],
        orientation="h",
        marker_color=COLOURS[axis.key],
        error_x=whisker,
        hovertemplate=f"{translate(axis.label)}{tr(': ')}{translate(axis.meaning)}<extra></extra>",
        showlegend=False,
        row=row,
        col=1,
    )


def _reference(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    if axis.reference is None or report.scores[axis.key] is None:
        return
    mean, deviation = axis.reference
    figure.add_scatter(
        x=[mean],
        y=[translate(axis.label)],
        mode="markers",
        marker=dict(symbol="diamond", size=9, color=GREY, line=dict(width=1, color="white")),
        error_x=dict(array=[deviation], color="rgba(128,128,128,0.35)", thickness=7, width=0),
        name=tr("SongEval’s songs, mean ± SD"),
        showlegend=not any(trace.mode == "markers" for trace in figure.select_traces(dict(type="scatter"))),
        hovertemplate="SongEval %{x:.2f}<extra></extra>",
        row=row,
        col=1,
    )


def _value(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    """Write the number into its own column at the right, clear of the marks."""
    value = report.scores[axis.key]
    text = tr("not predicted") if value is None else f"<b>{value:.{_digits(axis)}f}</b>"
    x, anchor = (
        (axis.low + 0.01 * (axis.high - axis.low), "left")
        if value is None
        else (axis.high + 0.15 * (axis.high - axis.low), "right")
    )
    figure.add_annotation(x=x, y=translate(axis.label), text=text, xanchor=anchor, showarrow=False, row=row, col=1)


def timeline(report: Report) -> "Figure":
    """Draw each predicted axis over time, constant within a segment, and one panel for each group of axes."""
    from plotly.subplots import make_subplots

    groups = _groups(axis for axis in report.axes if report.scores[axis.key] is not None)
    figure = make_subplots(rows=max(1, len(groups)), shared_xaxes=True, vertical_spacing=0.08)
    times = [segment.start for segment in report.segments] + [report.segments[-1].end]
    for row, axes in enumerate(groups, 1):
        for axis in axes:
            values = [segment.scores[axis.key] for segment in report.segments]
            label, score = translate(axis.label), f"%{{y:.{_digits(axis)}f}}"
            hover = tr("{axis} {score} from {second} s", axis=label, score=score, second="%{x:.0f}")
            figure.add_scatter(
                x=times, y=[*values, values[-1]], row=row, col=1, name=label, mode="lines+markers",
                line=dict(shape="hv", color=COLOURS[axis.key], width=2.5), marker=dict(size=5),
                hovertemplate=f"{hover}<extra></extra>",
            )  # fmt: skip
        figure.update_yaxes(range=[axes[0].low, axes[0].high], row=row, col=1)
    step = 30 * max(1, round(report.duration / 180))
    marks = list(range(0, int(report.duration) + 1, step))
    figure.update_xaxes(
        tickvals=marks, ticktext=[f"{t // 60}:{t % 60:02}" for t in marks], tickangle=0, range=[0, report.duration]
    )
    figure.update_layout(showlegend=True)
    return finished(figure, 190 + 190 * max(1, len(groups)), bottom=90)


def _digits(axis: Axis) -> int:
    return 0 if axis.high == 100 else 2


def _ticks(low: float, high: float) -> list[int]:
    return list(range(int(low), int(high) + 1, 25 if high == 100 else 1))
