"""Draws figures of a ranking."""

from collections import Counter
from typing import TYPE_CHECKING

from ..core.axes import BY_KEY
from ..core.i18n import tr
from ..ranking.distributions import Distribution, distributions
from ..ranking.order import RankedSong, Ranking, Rules
from . import ranking_text
from .arena import _plain
from .names import short_names
from .panel import COLOURS
from .style import GREY, PERCENT, finished

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KEPT, OTHER = "#0072b2", "#8a9aa8"
MAX_ROWS = 30
ROW = 24
"""Height in pixels of one song's row."""
MAX_GROUPS = len(COLOURS)
"""Maximum number of groups that colours can tell apart. The groups with the most songs are drawn."""
BOX = 26
"""Height in pixels of one group's box in the row of a score."""


def ranking_intervals(ranking: Ranking) -> "Figure":
    """Draw a dot and its interval for each of the first 30 songs, the best on top, and a line below the kept songs."""
    from plotly.graph_objects import Figure

    rows = [row for row in ranking.rows if row.value is not None and not row.same_as][:MAX_ROWS]
    times = 100 if ranking.rules.by_preference else 1
    figure = Figure()
    for kept, name, colour in ((True, tr("kept"), KEPT), (False, tr("not kept"), OTHER)):
        shown = [(place, row) for place, row in enumerate(rows) if row.kept == kept]
        if shown:
            figure.add_scatter(
                x=[times * _value(row) for _, row in shown],
                y=[place for place, _ in shown],
                error_x=dict(
                    array=[times * (_or(row.high, _value(row)) - _value(row)) for _, row in shown],
                    arrayminus=[times * (_value(row) - _or(row.low, _value(row))) for _, row in shown],
                    color=colour, thickness=2.5, width=0,
                ),
                mode="markers",
                marker=dict(size=10, color=colour, symbol="circle" if kept else "circle-open"),
                name=name,
                text=[_hover(row, ranking.rules) for _, row in shown],
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
    count = sum(row.kept for row in rows)
    if 0 < count < len(rows):
        figure.add_hline(y=count - 0.5, line=dict(color=GREY, dash="dash", width=1.5))
    if ranking.rules.by_preference:
        figure.update_xaxes(**PERCENT)
    elif (axis := BY_KEY[ranking.rules.by]).bounded:
        figure.update_xaxes(range=[axis.low, axis.high])
    names = short_names([row.song.name for row in rows])
    labels = [f"{row.rank}. {_plain(name)}" for row, name in zip(rows, names, strict=True)]
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5], tickvals=list(range(len(rows))), ticktext=labels)
    figure.update_xaxes(title_text=ranking_text.label(ranking.rules), title_standoff=8)
    figure.update_layout(showlegend=True)
    return finished(figure, ROW * len(rows) + 150, bottom=90, right=24)


def _hover(row: RankedSong, rules: Rules) -> str:
    return _plain(f"{row.song.name}{tr(': ')}{ranking_text.figure(row, rules)}")


def spread(ranking: Ranking) -> "Figure":
    """Draw each score of all songs as a share of the score's scale: a box and its points for each group."""
    from plotly.graph_objects import Figure

    found = distributions(ranking)
    groups = _largest_groups(found)
    labels = list(dict.fromkeys(ranking_text.score_label(each.axis) for each in found))
    figure = Figure()
    for place, group in enumerate(groups):
        inside = [each for each in found if each.group == group]
        colour = COLOURS[place % len(COLOURS)]
        figure.add_box(
            x=[_share(each, value) for each in inside for value in each.values],
            y=[ranking_text.score_label(each.axis) for each in inside for _ in each.values],
            text=[text for each in inside for text in _texts(each)],
            orientation="h", boxpoints="all", jitter=0.5, pointpos=0, quartilemethod="linear",
            line=dict(color=colour, width=1.5), marker=dict(color=colour, size=5, opacity=0.7),
            fillcolor="rgba(128,128,128,0.15)", name=_plain(group or tr("no group")),
            hovertemplate="%{text}<extra>%{fullData.name}</extra>", hoveron="points",
        )  # fmt: skip
    figure.update_xaxes(range=[-2, 102], tickvals=[0, 50, 100], ticktext=[tr("lowest"), "", tr("highest")], tickangle=0)
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
    figure.update_layout(boxmode="group", boxgap=0.25, boxgroupgap=0.2, showlegend=len(groups) > 1)
    height = (BOX * max(1, len(groups)) + 20) * max(1, len(labels)) + 130
    return finished(figure, height, bottom=90, right=40)


def _largest_groups(found: list[Distribution]) -> list[str]:
    """Return the groups with the most songs, sorted by name."""
    songs: Counter[str] = Counter()
    for each in found:
        songs[each.group] = max(songs[each.group], len(each.values))
    return sorted(group for group, _ in songs.most_common(MAX_GROUPS))


def _value(row: RankedSong) -> float:
    assert row.value is not None
    return row.value


def _texts(each: Distribution) -> list[str]:
    return [_plain(f"{name}{tr(': ')}{value:.3g}") for name, value in zip(each.names, each.values, strict=True)]


def _share(each: Distribution, value: float) -> float:
    return min(max(100 * (value - each.low) / (each.high - each.low), 0), 100)


def _or(number: float | None, otherwise: float) -> float:
    return otherwise if number is None else number
