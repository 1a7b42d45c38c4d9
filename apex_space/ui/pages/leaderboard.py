"""The Leaderboard page: ratings of songs and generators, and agreement of judges, by people's votes."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ... import plots
from ...arena.agreement import Agreement
from ...arena.leaderboard import MAX_VOTES, LeaderboardService, LeaderboardSnapshot
from ...arena.learning_curve import MAX_CURVE_VOTES
from ...core.errors import ApexSpaceError
from ...core.i18n import tr, translate
from ...core.settings import settings
from ..render import arena as render
from ..render.html import note
from ..static_files import read_static
from ..translation import fill

LEAD = """# Leaderboard
A rating is the chance to be preferred to an average song of the pool. It comes from a Bradley-Terry model of all
votes. The line is its 95% interval, on a scale from 0 to 100%. Songs are ordered by the lower end of the interval.
Ranks such as 1–3 are those that the votes allow: a song is ahead of another one if the votes say so with 95%
certainty."""
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
        all_songs = [(render.ALL_SONGS, "")]
        self.board = gr.Dropdown(all_songs, value="", label="Board", filterable=False, visible=False, elem_id="board")
        # After the server was started again, an open page sends names that this list lacks. `board` checks them.
        self.board.preprocess = lambda payload: str(payload or "")  # type: ignore[method-assign]
        self.standing = gr.HTML()
        self.songs = gr.HTML()
        self.generators = gr.HTML()
        self.meetings = gr.HTML()
        gr.Markdown(JUDGES)
        self.agreement = gr.HTML()
        near = read_static("near.js")  # before there are tables, everything is near
        self.near = gr.HTML("<p></p>", js_on_load=near, apply_default_css=False, visible=False)
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
        gr.HTML(js_on_load=read_static("unfolded.js"), elem_classes="script")
        self.seen, self.drawn = gr.State(None), gr.State(False)
        self._events()

    def _events(self) -> None:
        tables = [
            *(self.standing, self.songs, self.generators, self.meetings, self.agreement),
            *(self.calibration_table, self.curve_table, self.not_counted),
        ]
        pictures = [self.calibration, self.curves, self.losses]
        options: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        self._shown = [self.board, *tables, self.seen]
        gr.on(None, self._open, outputs=[*self._shown, self.near], **options)  # None: when the page opens
        self.board.input(self._show, self.board, self._shown, **options)
        # What draws pictures is large, so it is loaded only when somebody comes to them.
        self.near.select(self._draw, outputs=[*pictures, self.drawn], **options)
        self._all = [*self._shown, *pictures]
        known = [self.seen, self.drawn, self.board]
        gr.Timer(settings().refresh_seconds).tick(self._refresh, known, self._all, **options)

    def _open(self) -> tuple[Any, ...]:
        return *self._show(""), gr.HTML(visible=True)

    def _show(self, name: str | None, seen: Any = None) -> tuple[Any, ...]:
        """Return the list of boards, the tables of a board and what is then `seen`, or nothing if it was seen before.

        If there is no such board any more, the page says so and shows that of all songs.
        """
        now, wrong = self._leaderboard.latest(), ""
        try:
            board = self._leaderboard.board(name or "")
        except ApexSpaceError as error:
            board, wrong = now, note(translate(str(error)), "error")
        state = (now.state, board.board, board.state) if board else None
        if state and state == seen and not wrong:
            return ()
        # Unless it is gone, the choice stays: it may have changed meanwhile.
        chosen: dict[str, Any] = {"value": ""} if wrong else {}
        boards = gr.Dropdown(render.board_choices(now.kinds), visible=bool(now.kinds), **chosen)
        first, *rest = _ratings(board) if board else (note(tr(render.COUNTING)), "", "", "")
        return boards, wrong + first, *rest, *_of_all_songs(now, board is now), state

    def _draw(self) -> tuple[Any, ...]:
        return *_pictures(self._leaderboard.latest()), True

    def _refresh(self, seen: Any, drawn: bool, name: str | None) -> tuple[Any, ...]:
        # A server that has not counted yet knows no kinds. A page that is older stays as it is until then.
        shown = self._show(name, seen) if self._leaderboard.latest().at or not name else ()
        if not shown:
            return (gr.skip(),) * len(self._all)
        return *shown, *(_pictures(self._leaderboard.latest()) if drawn else (gr.skip(),) * 3)


def _ratings(now: LeaderboardSnapshot) -> tuple[str, ...]:
    return (
        render.about_board(now) + render.standing(now),
        render.songs(now.songs) + render.otherwise(now.songs, now.otherwise["song"]),
        render.generators(now.generators) + render.otherwise(now.generators, now.otherwise["generator"]),
        render.meetings(now.meetings) + render.tags(now.tags),
    )


def _of_all_songs(now: LeaderboardSnapshot, chosen: bool) -> tuple[str, ...]:
    """Return what is known of all songs alone. If another board is chosen, say so."""
    judges = _rated(now.agreement["pool"].judges)
    return (
        ("" if chosen else note(tr(render.OF_ALL_SONGS))) + render.agreement(now),
        render.calibration(judges) + render.between(judges),
        render.learning_curves(now.curves),
        render.not_counted(now.not_counted_before),
    )


def _pictures(now: LeaderboardSnapshot) -> tuple[gr.Plot, ...]:
    return (
        _drawn(tr("Calibration"), plots.calibration, _rated(now.agreement["pool"].judges)),
        _drawn(tr("Votes foreseen so far"), plots.learning_curves, now.curves),
        _drawn(tr("Log-loss so far, lower is better"), plots.learning_losses, now.curves),
    )


def _rated(judges: Sequence[Agreement]) -> list[Agreement]:
    """Return the judges' agreements that are from enough votes to be shown."""
    return [judge for judge in judges if not judge.unrated]


def _drawn(label: str, draw: Callable[[Any], Any], rows: Sequence[Any]) -> gr.Plot:
    return gr.Plot(draw(rows), label=label, visible=True) if rows else gr.Plot(visible=False)
