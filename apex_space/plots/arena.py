"""Draws figures of ratings and agreement."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..arena.pool_sources import example_texts
from ..core.i18n import tr, translate
from ..judges.registry import REGISTRY
from .panel import COLOURS, symbol
from .style import GREY, PERCENT, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from ..arena.agreement import Agreement
    from ..arena.learning_curve import LearningCurve
    from ..arena.ratings import Rating

SHORT = 7
"""Number of characters of a version in a legend."""
BASELINES = {"coin": "A coin", "b": "Always B", "generators": "Generators alone"}
DASHES = {"coin": "dot", "b": "dash", "generators": "dashdot", "judge": "dash"}


def label(rating: "Rating") -> str:
    """Return a generator's name or a song's title, or the beginning of its hash if it has no title."""
    return song_text(rating.title) or rating.key[:8]


def song_text(text: str) -> str:
    """Translate a text about an example song. Texts about other songs stay as they are."""
    return translate(example_texts().get(text, "")) or text


def ranks(rating: "Rating") -> str:
    """Return the ranks that the votes allow, such as 1–3, or a dash if there are too few votes."""
    if rating.best is None:
        return "–"
    return f"{rating.best}" if rating.best == rating.worst else f"{rating.best}–{rating.worst}"


def rank_and_rating(rating: "Rating | None") -> str:
    """Return ranks and rating in short, such as 1–3: 72%, or a dash if there are too few votes."""
    return f"{ranks(rating)}{tr(': ')}{100 * rating.rating:.0f}%" if rating and not rating.unrated else "–"


def judge_title(name: str) -> str:
    """Return a judge's title, or its name if it is no longer in the registry."""
    return REGISTRY[name].title if name in REGISTRY else name


def calibration(judges: "Sequence[Agreement]") -> "Figure":
    """Draw how often the favoured song won against its predicted chance. On the diagonal both are equal."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.add_scatter(
        x=[50, 100], y=[50, 100], mode="lines", line=dict(color=GREY, dash="dash", width=1.5), name=tr("as predicted"),
        hoverinfo="skip",
    )  # fmt: skip
    for judge, colour in zip(judges, itertools.cycle(COLOURS)):
        name = judge_title(judge.judge)
        figure.add_scatter(
            x=[100 * row.predicted for row in judge.calibration],
            y=[100 * row.won.value for row in judge.calibration],
            error_y=_whiskers([(row.won.value, row.won.low, row.won.high) for row in judge.calibration], colour),
            mode="markers",
            marker=dict(size=10, color=colour),
            name=_plain(name),
            hovertemplate=tr(
                "{judge}: predicted {share}, won {won}", judge=_plain(name), share="%{x:.0f}%", won="%{y:.0f}%"
            )
            + "<extra></extra>",
        )
    figure.update_xaxes(
        range=[49, 101],
        tickvals=[50, 60, 70, 80, 90, 100],
        ticksuffix="%",
        title_text=tr("predicted for the favourite"),
    )
    figure.update_yaxes(**PERCENT | dict(range=[-2, 102]), title_text=tr("won by it"))
    figure.update_layout(showlegend=True)
    return finished(figure, 420, bottom=100, right=24)


def curve_name(curve: "LearningCurve") -> str:
    """Return what predicts, in words."""
    if curve.kind != "judge":
        return tr(BASELINES[curve.kind])
    name = judge_title(curve.name)
    if curve.by.startswith("rule "):
        return tr("{judge}, published rule", judge=name)
    return tr("{judge}, learning", judge=name) if curve.by == "learned" else name


def curve_names(curves: "Sequence[LearningCurve]") -> list[str]:
    """Return what predicts, in words. One that occurs twice tells the versions of weights and head."""
    names = [curve_name(curve) for curve in curves]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [
        f"{name} ({_short_version(curve)})" if name in twice else name
        for name, curve in zip(names, curves, strict=True)
    ]


def _short_version(curve: "LearningCurve") -> str:
    versions = [part.partition(" (")[2] or part for part in curve.weights.split("; ")]
    by = "" if curve.by == "learned" else curve.by.removeprefix("head ")
    return ", ".join(version.rstrip(")")[:SHORT] for version in (*versions, by) if version)


def learning_curves(curves: "Sequence[LearningCurve]") -> "Figure":
    """Draw the share of votes that was foreseen, over the votes. Judges that learn have full lines."""
    figure = _lines(curves, [[100 * point.right.value for point in curve.points] for curve in curves], "%{y:.0f}%")
    figure.update_yaxes(ticksuffix="%")
    return figure


def learning_losses(curves: "Sequence[LearningCurve]") -> "Figure":
    """Draw the mean log-loss of the predicted chances, over the votes."""
    losing = [curve for curve in curves if curve.points[-1].loss is not None]
    return _lines(losing, [[point.loss for point in curve.points] for curve in losing], "%{y:.3f}")


def _lines(curves: "Sequence[LearningCurve]", heights: Sequence[Sequence[float | None]], form: str) -> "Figure":
    from plotly.graph_objects import Figure

    figure = Figure()
    places = itertools.count()
    for curve, height, name in zip(curves, heights, map(_plain, curve_names(curves)), strict=True):
        judge = curve.kind == "judge"
        place = next(places) if judge else 0
        dash = "solid" if curve.by == "learned" else DASHES[curve.kind]
        figure.add_scatter(
            x=[point.votes for point in curve.points],
            y=height,
            mode="lines+markers" if judge else "lines",
            marker=dict(size=8, symbol=symbol(place)),
            line=dict(color=COLOURS[place % len(COLOURS)] if judge else GREY, dash=dash),
            name=name,
            hovertemplate=tr("{name}: {figure} after {n} votes", name=name, figure=form, n="%{x:,}")
            + "<extra></extra>",
        )
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(showlegend=True)
    legend = 22 * len(curves)  # on a phone each has a line of its own
    return finished(figure, 300 + legend, bottom=40 + legend, right=24)


def _whiskers(estimates: Sequence[tuple[float, float, float]], colour: str) -> dict[str, Any]:
    """Return error bars in percent for shares with their intervals."""
    return dict(
        array=[100 * (high - value) for value, _, high in estimates],
        arrayminus=[100 * (value - low) for value, low, _ in estimates],
        color=colour,
        thickness=2.5,
        width=0,
    )


def _plain(text: str) -> str:
    """Escape HTML, because Plotly interprets some of it in texts."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
