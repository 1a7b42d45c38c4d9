"""Report -> figure. Backgrounds are transparent and lines mid-grey, so that one figure reads in light and dark."""

from typing import TYPE_CHECKING

from .axes import AXES, Axis
from .report import Report

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = dict(  # after Okabe & Ito 2008, told apart by colour-blind people, 3:1 against white and near-black
    streams="#0072b2",
    likes="#d55e00",
    coherence="#009e73",
    musicality="#c0629a",
    memorability="#8c7000",
    clarity="#3a8fc9",
    naturalness="#7d6bd6",
)
GREY = "#808080"
GRID = "rgba(128,128,128,0.25)"
GROUPS = {group: [axis for axis in AXES if axis.group == group] for group in ("popularity", "aesthetics")}
ROW_HEIGHT = 44


def scores(report: Report) -> "Figure":
    """One bar an axis, a group a panel; whiskers are the judge's spread, diamonds SongEval's mean and deviation."""
    from plotly.subplots import make_subplots

    sizes = [len(axes) for axes in GROUPS.values()]
    figure = make_subplots(rows=len(GROUPS), row_heights=sizes, vertical_spacing=0.14)
    for row, axes in enumerate(GROUPS.values(), 1):
        for axis in axes:
            _bar(figure, report, axis, row)
        low, high = axes[0].low, axes[0].high
        figure.update_xaxes(range=[low, high + 0.12 * (high - low)], tickvals=_ticks(low, high), row=row, col=1)
        labels = [axis.label for axis in reversed(axes)]
        figure.update_yaxes(categoryorder="array", categoryarray=labels, row=row, col=1)
    figure.update_layout(bargap=0.45, barmode="overlay")
    return _finished(figure, ROW_HEIGHT * sum(sizes) + 110)


def _bar(figure: "Figure", report: Report, axis: Axis, row: int) -> None:
    import plotly.graph_objects as go

    value = report.scores[axis.key]
    if value is None:
        figure.add_annotation(
            x=axis.low, y=axis.label, text="not predicted", showarrow=False, row=row, col=1, xanchor="left"
        )
        value = axis.low
    elif axis.reference is not None:
        mean, deviation = axis.reference
        figure.add_scatter(
            x=[mean], y=[axis.label], mode="markers", row=row, col=1, marker=dict(symbol="diamond", size=9, color=GREY),
            error_x=dict(array=[deviation], color=GREY, thickness=1), hovertemplate="SongEval %{x:.2f}<extra></extra>",
        )  # fmt: skip
    spread = report.spread.get(axis.key)
    figure.add_trace(
        go.Bar(
            x=[value - axis.low],
            base=axis.low,
            y=[axis.label],
            orientation="h",
            marker_color=COLOURS[axis.key],
            opacity=0.85,
            text=[f"<b>{value:.{_digits(axis)}f}</b>" if report.scores[axis.key] is not None else ""],
            textposition="outside",
            cliponaxis=False,
            error_x=dict(array=[spread], thickness=1.5) if spread and report.scores[axis.key] is not None else None,
            hovertemplate=f"{axis.label} {value:.{_digits(axis)}f}<br>{axis.meaning}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def timeline(report: Report) -> "Figure":
    """Each predicted axis against time, constant within a segment; a group a panel."""
    from plotly.subplots import make_subplots

    groups = [axes for axes in map(_predicted(report), GROUPS.values()) if axes]
    figure = make_subplots(rows=max(1, len(groups)), shared_xaxes=True, vertical_spacing=0.08)
    times = [segment.start for segment in report.segments] + [report.segments[-1].end]
    for row, axes in enumerate(groups, 1):
        for axis in axes:
            values = [segment.scores[axis.key] for segment in report.segments]
            figure.add_scatter(
                x=times, y=[*values, values[-1]], row=row, col=1, name=axis.label, mode="lines+markers",
                line=dict(shape="hv", color=COLOURS[axis.key], width=2.5), marker=dict(size=5),
                hovertemplate=f"{axis.label} %{{y:.{_digits(axis)}f}} from %{{x:.0f}} s<extra></extra>",
            )  # fmt: skip
        figure.update_yaxes(range=[axes[0].low, axes[0].high], row=row, col=1)
    step = 30 * max(1, round(report.duration / 240))
    marks = list(range(0, int(report.duration) + 1, step))
    figure.update_xaxes(tickvals=marks, ticktext=[f"{t // 60}:{t % 60:02}" for t in marks], range=[0, report.duration])
    figure.update_layout(showlegend=True, legend=dict(orientation="h", y=-0.12, yanchor="top"))
    return _finished(figure, 150 + 190 * max(1, len(groups)))


def _predicted(report: Report):  # type: ignore[no-untyped-def]
    return lambda axes: [axis for axis in axes if report.scores[axis.key] is not None]


def _digits(axis: Axis) -> int:
    return 0 if axis.high == 100 else 2


def _ticks(low: float, high: float) -> list[int]:
    return list(range(int(low), int(high) + 1, 25 if high == 100 else 1))


def _finished(figure: "Figure", height: int) -> "Figure":
    figure.update_layout(
        height=height,
        template="none",
        margin=dict(l=8, r=8, t=16, b=32),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font=dict(color=GREY, size=13),
        hovermode="closest",
        dragmode=False,
    )
    figure.update_layout(showlegend=bool(figure.layout.showlegend))
    figure.update_xaxes(gridcolor=GRID, zeroline=False, fixedrange=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, fixedrange=True)
    return figure
