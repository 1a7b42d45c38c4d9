"""The Leaderboard page: ratings of songs and generators, and agreement of judges, by people's votes."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ... import plots
from ...arena.leaderboard import MAX_VOTES, LeaderboardService, LeaderboardSnapshot
from ...arena.learning_curve import MAX_CURVE_VOTES
from ...arena.ratings import MIN_VOTES
from ...core.i18n import tr
from ...core.settings import settings
from ...plots.arena import MAX_ROWS
from ..render import arena as render
from ..translation import fill

LEAD = """# Leaderboard
A rating is the chance to be preferred to an average song of the pool. It comes from a Bradley-Terry model of all
votes. The line is its 95% interval. Songs are ordered by the lower end of the interval. Ranks such as 1–3 are those
that the votes allow: a song is ahead of another one if the votes say so with 95% certainty."""
JUDGES = """## How good is the judge?
Each judge's prediction is fixed before the vote. Agreement counts votes for A or B. Ties and “both bad” count
neither for a judge nor against it."""

CURVES = """## Do the predictions learn?
The share of votes for A or B that were foreseen, from the first vote to the last (of the newest {n}). Each prediction
was fixed before its vote. A judge’s line covers only the votes that it predicted, so two lines may be of different
votes. The table compares on the same votes: a judge is worth something if it foresees more of them than a coin, than
naming B each time, and than knowing which generators people like."""

FILES = """## The figures as files
The votes are the newest {n} of all days that are over (UTC): what was compared, which song won, and what the judges had
predicted. The files hold the day of a vote and nothing about its voter. Suspicious votes and votes on visitors’ own
songs are left out."""


class LeaderboardPage:
    """Components and events. `leaderboard` counts the votes."""

    def __init__(self, leaderboard: LeaderboardService) -> None:
        self._leaderboard = leaderboard
        gr.Markdown(LEAD)
        self.standing = gr.HTML()
        self.songs = gr.Plot(visible=False, elem_id="songs-plot")
        self.song_table = gr.HTML()
        self.generators = gr.Plot(visible=False, elem_id="generators-plot")
        self.generator_table = gr.HTML()
        self.meetings = gr.Plot(visible=False, elem_id="meetings-plot")
        self.meeting_table = gr.HTML()
        gr.Markdown(JUDGES)
        self.agreement = gr.HTML()
        self.calibration = gr.Plot(visible=False, elem_id="calibration-plot")
        self.calibration_table = gr.HTML()
        gr.Markdown(fill(CURVES, n=f"{MAX_CURVE_VOTES:,}"))
        self.curves = gr.Plot(visible=False, elem_id="curves-plot")
        self.losses = gr.Plot(visible=False, elem_id="losses-plot")
        self.curve_table = gr.HTML()
        self.not_counted = gr.HTML(elem_id="not-counted")
        with gr.Column(elem_classes="files"):
            gr.Markdown(fill(FILES, n=f"{MAX_VOTES:,}"))
            gr.HTML(
                fill(
                    render.FILES,
                    ratings="Leaderboard as CSV",
                    json="Leaderboard as JSON",
                    votes="Votes as CSV",
                    lines="Votes as JSON lines",
                )
            )
        self.seen = gr.State(None)
        self._events()

    def _events(self) -> None:
        outputs = [
            *(self.standing, self.songs, self.song_table, self.generators, self.generator_table),
            *(self.meetings, self.meeting_table),
            *(self.agreement, self.calibration, self.calibration_table),
            *(self.curves, self.losses, self.curve_table, self.not_counted, self.seen),
        ]
        options: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        gr.on(None, self._open, outputs=outputs, **options)  # None: when the page opens
        gr.Timer(settings().refresh_seconds).tick(self._refresh, self.seen, outputs, **options)

    def _open(self) -> tuple[Any, ...]:
        return _shown(self._leaderboard.latest())

    def _refresh(self, seen: tuple[int, int | None] | None) -> tuple[Any, ...]:
        now = self._leaderboard.latest()
        return (gr.skip(),) * 15 if now.state == seen else _shown(now)


def _shown(now: LeaderboardSnapshot) -> tuple[Any, ...]:
    judges = _rated(now.agreement["pool"].judges)
    return (
        render.standing(now),
        *(_picture(tr("Songs"), plots.ratings, _rated(now.songs)), render.songs(now.songs)),
        *(_picture(tr("Generators"), plots.ratings, _rated(now.generators)), render.generators(now.generators)),
        _drawn(tr("Between generators"), plots.meetings, [met for met in now.meetings if met.votes >= MIN_VOTES]),
        render.meetings(now.meetings) + render.tags(now.tags),
        render.agreement(now),
        *(_picture(tr("Calibration"), plots.calibration, judges), render.calibration(judges) + render.between(judges)),
        _drawn(tr("Votes foreseen so far"), plots.learning_curves, now.curves),
        _drawn(tr("Log-loss so far, lower is better"), plots.learning_losses, now.curves),
        render.learning_curves(now.curves),
        render.not_counted(now.not_counted_before),
        now.state,
    )


def _rated(rows: Sequence[Any]) -> list[Any]:
    """Return the ratings, or the judges' agreements, that are from enough votes to be shown."""
    return [row for row in rows if not row.unrated]


def _picture(label: str, draw: Callable[[Any], Any], rows: Sequence[Any]) -> gr.Plot:
    if len(rows) > MAX_ROWS:
        label = tr("{label}: the first {n} of {all}", label=label, n=MAX_ROWS, all=f"{len(rows):,}")
    return _drawn(label, draw, rows)


def _drawn(label: str, draw: Callable[[Any], Any], rows: Sequence[Any]) -> gr.Plot:
    return gr.Plot(draw(rows), label=label, visible=True) if rows else gr.Plot(visible=False)
