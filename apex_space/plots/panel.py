"""Draws figures of a panel, or of two panels."""

from typing import TYPE_CHECKING

from ..core.axes import Axis
from ..core.i18n import tr, translate
from ..judges.panel import Panel
from ..judges.registry import REGISTRY
from ..preference.head import Preference
from ..preference.panel_comparison import PanelComparison
from .style import GREY, ROW_HEIGHT, SIDES, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#c0629a", "#8c7000", "#3a8fc9", "#7d6bd6")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x")


def panel(panel: Panel) -> "Figure":
    """Draw a row for each axis and a mark for each judge, and a line from the lowest to the highest mark.

    The position of a mark is the judge's score as a share of the axis' range.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for axis in panel.axes:
        shares = [_share(axis, score) for score in panel.scores(axis).values()]
        figure.add_scatter(
            x=[min(shares), max(shares)], y=[translate(axis.label)] * 2, mode="lines", line=dict(color=GREY, width=2),
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for place, report in enumerate(panel.reports):
        given = [axis for axis in panel.axes if report.scores[axis.key] is not None]
        values = [panel.scores(axis)[report.judge] for axis in given]
        figure.add_scatter(
            x=[_share(axis, value) for axis, value in zip(given, values, strict=True)],
            y=[translate(axis.label) for axis in given],
            mode="markers",
            name=REGISTRY[report.judge].title,
            marker=dict(color=COLOURS[place % len(COLOURS)], symbol=symbol(place), size=13),
            text=[f"{v:.3g}{_range(a)}" for a, v in zip(given, values, strict=True)],
            hovertemplate="%{y}: %{text}<extra>%{fullData.name}</extra>",
        )
    labels = [translate(axis.label) for axis in reversed(panel.axes)]
    figure.update_yaxes(categoryorder="array", categoryarray=labels)
    figure.update_xaxes(range=[-2, 102], tickvals=[0, 50, 100], ticktext=[tr("lowest"), "", tr("highest")], tickangle=0)
    figure.update_layout(showlegend=True)
    return finished(figure, ROW_HEIGHT * max(2, len(labels)) + 130, bottom=100, right=40)


def symbol(place: int) -> str:
    """Return the mark of the judge at this place, which no judge of the same colour has."""
    return SYMBOLS[(place + place // len(COLOURS)) % len(SYMBOLS)]


def _share(axis: Axis, score: float) -> float:
    return min(max(100 * (score - axis.low) / (axis.high - axis.low), 0), 100)


def _range(axis: Axis) -> str:
    return f"{tr(' of ')}{axis.low:g}{tr(' to ')}{axis.high:g}" if axis.bounded else ""


def preferences(comparison: PanelComparison) -> "Figure":
    """Draw how many of 100 listeners prefer A or B, with the 95% interval, for each judge with a preference head.

    The nearer a dot is to the left, the more listeners prefer A.
    """
    import plotly.graph_objects as go

    answers = {REGISTRY[each.judge].title: each.answer for each in reversed(comparison.comparisons)}
    shares = [100 - 100 * answer.probability for answer in answers.values()]
    figure = go.Figure()
    figure.add_scatter(
        x=shares,
        y=list(answers),
        mode="markers",
        marker=dict(size=13, color=[GREY if a.verdict == "close" else SIDES[a.verdict] for a in answers.values()]),
        error_x=dict(
            array=[100 * (answer.probability - answer.low) for answer in answers.values()],
            arrayminus=[100 * (answer.high - answer.probability) for answer in answers.values()],
            color=GREY, thickness=3, width=8,
        ),
        text=[_preferring(answer) for answer in answers.values()],
        hovertemplate="%{y}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=50, line=dict(color=GREY, dash="dash", width=1.5))
    figure.update_xaxes(range=[0, 100], tickvals=[0, 25, 50, 75, 100], ticktext=["100", "75", "50", "75", "100"])
    signs = (0, "left", tr("← prefer {side}", side="A")), (1, "right", tr("prefer {side} →", side="B"))
    for x, anchor, text in signs:
        figure.add_annotation(
            x=x, y=1, xref="x domain", yref="y domain", xanchor=anchor, yanchor="bottom", text=text, showarrow=False
        )
    return finished(figure, ROW_HEIGHT * len(answers) + 110, bottom=40, right=40)


def _preferring(answer: Preference) -> str:
    return tr("{n} of 100 prefer {side}", n=f"{100 * answer.chance.value:.0f}", side=answer.favourite.upper())
