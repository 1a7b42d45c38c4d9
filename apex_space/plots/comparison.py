"""Draws figures of a preference."""

from typing import TYPE_CHECKING

from ..core.axes import BY_KEY
from ..core.i18n import tr, translate
from .style import GREY, PERCENT, ROW_HEIGHT, SIDES, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ..preference.head import Preference


def probability(preference: "Preference") -> "Figure":
    """Draw one bar of 100 listeners, with those who prefer A on the left.

    The whisker is the 95% interval of the border.
    """
    from plotly.graph_objects import Figure

    a, low, high = (100 * value for value in (preference.probability, preference.low, preference.high))
    figure = Figure()
    for side, share in (("a", a), ("b", 100 - a)):
        figure.add_bar(
            x=[share], y=[""], orientation="h", marker_color=SIDES[side], name=tr("prefer {side}", side=side.upper()),
            hovertemplate=tr("{n} of 100 prefer {side}", n="%{x:.0f}", side=side.upper()) + "<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[a], y=[""], mode="markers", marker=dict(size=8, color="white"), showlegend=False, hoverinfo="skip",
        error_x=dict(array=[high - a], arrayminus=[a - low], color="white", thickness=3, width=12),
    )  # fmt: skip
    for line in (dict(color=GREY, width=3), dict(color="white", dash="dash", width=1.5)):
        figure.add_vline(x=50, line=line)  # white within grey is visible on the bars and on any page
    figure.update_xaxes(**PERCENT)
    figure.update_layout(barmode="stack", bargap=0.3, showlegend=True, legend_traceorder="normal")
    return finished(figure, 170, bottom=60, right=24)


def contributions(preference: "Preference") -> "Figure":
    """Draw how much each axis counted: to the left for A, to the right for B, the strongest on top."""
    from plotly.graph_objects import Figure

    strongest = sorted(preference.contributions.items(), key=lambda item: abs(item[1]))
    values = [value for _, value in strongest]
    figure = Figure()
    figure.add_bar(
        x=[-value for value in values],
        y=[translate(BY_KEY[key].label) for key, _ in strongest],
        orientation="h",
        marker_color=[SIDES["a" if value > 0 else "b"] for value in values],
        text=[favoured_song(value) for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    reach = 1.9 * max(map(abs, values), default=0) or 1.0
    figure.update_xaxes(range=[-reach, reach], nticks=5, showticklabels=False)
    signs = (0, "left", tr("← for A")), (0.5, "center", tr("longer counts more")), (1, "right", tr("for B →"))
    for x, anchor, text in signs:
        figure.add_annotation(
            x=x, y=0, xref="x domain", yref="y domain", xanchor=anchor, yanchor="top", text=text, showarrow=False
        )
    figure.add_vline(x=0, line=dict(color=GREY, width=1.5))
    figure.update_layout(bargap=0.45, showlegend=False)
    return finished(figure, ROW_HEIGHT * len(values) + 70, bottom=30)


def favoured_song(contribution: float) -> str:
    """Return the favoured side and the size of a contribution: 0.42 -> "A 0.42", -0.42 -> "B 0.42".

    A contribution that rounds to 0 favours neither.
    """
    size = f"{abs(contribution):.2f}"
    return tr("neither") if float(size) == 0 else f"{'A' if contribution > 0 else 'B'} {size}"
