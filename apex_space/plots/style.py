"""Style of all figures. Backgrounds are transparent and lines mid-grey: one figure is legible in light and dark."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ACCENT = (
    *("#eef6f1", "#d8eade", "#b3d5c0", "#86bb9c", "#5ca27e", "#3a8562"),
    *("#22694a", "#1a543c", "#154331", "#103528", "#081f18"),
)
NEUTRAL = (
    *("#f6f7f4", "#eceee9", "#dcdfd8", "#c2c7be", "#969d93", "#6a7168"),
    *("#525950", "#3a413b", "#252b27", "#191e1b", "#101412"),
)
"""ACCENT is one green and NEUTRAL its greys, from light to dark, for everything that is not data. The pages and
result.css take their colours from here."""
GREY = "#808080"
GRID = "rgba(128,128,128,0.25)"
ROW_HEIGHT = 44
PERCENT = dict(range=[0, 100], tickvals=[0, 25, 50, 75, 100], ticktext=["0", "", "50%", "", "100%"])
"""Settings of an axis that shows shares times 100."""
SIDES = {"a": "#0072b2", "b": "#d55e00"}
"""Colours of the two songs of a battle, after Okabe & Ito 2008 like the axes' colours."""


def finished(figure: "Figure", height: int, bottom: int, right: int = 12) -> "Figure":
    """Set margins, grid and fonts of a figure and return it.

    `height` and the margins `bottom` and `right` are in pixels.
    """
    figure.update_layout(
        height=height,
        template="none",
        margin=dict(l=8, r=right, t=40, b=bottom),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font=dict(color=GREY, size=13),
        hovermode="closest",
        dragmode=False,
        legend=dict(orientation="h", yref="container", y=0, yanchor="bottom", x=0),
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, fixedrange=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, fixedrange=True)
    return figure
