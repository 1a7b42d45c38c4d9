"""The Compare page: estimates which of two songs people would prefer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ... import plots
from ...arena.friends import FriendBattles
from ...arena.pool import Pool
from ...core.errors import ApexSpaceError
from ...core.i18n import tr, translate
from ...core.settings import settings
from ...judges.panel import Panel
from ...judges.report import Report
from ...preference.compare import SIDE_NAMES, CompareProgress, CompareRequest, compare
from ...preference.comparison import Comparison
from ...preference.panel_comparison import PanelComparison
from ...storage.records import Side
from .. import render
from ..requests import Requests, lacks
from ..static_files import read_static
from ..translation import fill
from . import inputs
from .friends_panel import Compared, FriendsPanel

INTRODUCTION = """# Which one would people pick?
This page estimates how many of 100 listeners would prefer each song, how sure the estimate is, and why."""
PROMISE = (
    "Each song may have up to {minutes:g} minutes and {megabytes:g} MB. Both are deleted from the server {grace} "
    "after they were compared. Their scores stay with this page while it is open, so that you can swap the songs "
    "or replace one."
)
ONE_MAKER = "Both songs are by the same generator or artist"
ONE_MAKER_INFO = "For example, two takes of one song. If they are not, the estimate may be less sure."
EMPTY = "Choose song A and song B, then press Compare."
INTERACTIVE = '() => ({{ __type__: "update", interactive: {} }})'
"""Script that says whether a button can be pressed."""
Results = dict[tuple[str, Path], Report | Panel]
"""Results of the visitor's last comparison by judge (or PANEL) and path. The uploads may be deleted by now."""


class ComparePage:
    """Components and events. The packages judges, preference, plots and render do the work."""

    def __init__(self, requests: Requests, pool: Pool, friends: FriendBattles) -> None:
        self._requests, self._pool = requests, pool
        gr.Markdown(INTRODUCTION)
        self._inputs()
        self._outputs(friends)
        self._events()

    def _inputs(self) -> None:
        config = settings()
        self.songs, self.listings, self.examples = [], [], []
        inputs.file_checks()
        with gr.Row(elem_id="pair") as self.row:
            for side in SIDE_NAMES.values():
                with gr.Column(min_width=300):
                    song = inputs.song(side, side.lower().replace(" ", "-"))
                    self.songs.append(song)
                    self.examples += [(button, path, song) for button, path in inputs.examples()]
                    if settings().pool:
                        self.listings.append(inputs.pool_song(self._pool, song))
        self.level = gr.HTML(
            html_template='<p role="status"></p><label><input type="checkbox" /> {{texts.as_they_are}}</label>',
            js_on_load="\n".join(map(read_static, ("player.js", "level.js", "equal.js"))),
            apply_default_css=False,
            elem_id="level",
            texts={"as_they_are": "Hear both as they are"},
        )
        self.turned = gr.State(False)
        limits = {"minutes": config.max_minutes, "megabytes": config.max_megabytes, "grace": inputs.kept_for()}
        gr.Markdown(fill(PROMISE, **limits), elem_classes="promise")
        self.judge = inputs.judge_radio(self._requests.manager)
        self.one_maker = gr.Checkbox(True, label=ONE_MAKER, info=ONE_MAKER_INFO, elem_id="one-maker")
        with gr.Row():
            self.start = gr.Button("Compare", variant="primary", min_width=90)
            self.swap = gr.Button("Swap", min_width=90)
            self.cancel = gr.Button("Cancel", min_width=90, interactive=False)

    def _outputs(self, friends: FriendBattles) -> None:
        self.answer = gr.HTML(elem_classes="result")
        self.progress = inputs.progress(EMPTY)
        inputs.last_result()
        inputs.share_button()
        self.friends = FriendsPanel(friends, self._requests)
        self.probability = gr.Plot(label="Of 100 listeners", visible=False, elem_id="probability-plot")
        self.contributions = gr.Plot(label="What spoke for which song", visible=False, elem_id="contributions-plot")
        self.tables = gr.HTML(elem_classes="result")
        self.known = gr.State({}, time_to_live=inputs.KEEP_SECONDS)

    def _events(self) -> None:
        pictures = [self.probability, self.contributions]
        controls = [self.cancel, self.swap, self.one_maker]
        outputs = [self.answer, self.progress, *pictures, self.tables, self.known, *controls, self.level]
        compared = [*outputs, self.friends.finished]
        given = [*self.songs, self.turned, self.known, self.judge, self.one_maker]
        options: dict[str, Any] = {
            "inputs": given,
            "validator": self._check,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
            "show_progress": "minimal",
            "show_progress_on": self.progress,
        }
        running = self.start.click(self._show, outputs=compared, api_visibility="private", **options)
        for button, path, song in self.examples:
            button.click(lambda path=path: path, outputs=song, api_visibility="private")
        silent: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
        replaced = [self.friends.finished, self.progress, *controls]
        for song in self.songs:  # the loudness of the new one is not known yet
            song.change(None, outputs=self.level, js="() => null", api_visibility="private")
            song.change(None, cancels=running, api_visibility="private")
            self.friends.offer_after(song.change(_replaced, outputs=replaced, **silent))
        exchanged = [self.row, *self.songs, *self.listings, self.turned, *compared]
        # Compare is held meanwhile, or else it may overtake Swap on its way to the server.
        held: dict[str, Any] = {"fn": None, "outputs": self.start, "api_visibility": "private"}
        self.swap.click(**held, js=INTERACTIVE.format("false"))
        swapped = self.swap.click(self._swap, given, exchanged, **silent)
        swapped.then(**held, js=INTERACTIVE.format("true"))
        self.friends.offer_after(swapped)
        self.one_maker.input(lambda *given: self._again(_asked(*given)), given, outputs, **silent)
        inputs.show_progress([self.start.click])
        inputs.cancelling(self.cancel, running, _cancelled, None, [self.progress, *controls])

    def _check(self, *given: Any) -> list[dict[str, Any]]:
        """Check the inputs and claim the songs before the queue, so that an impossible comparison does not wait."""
        asked = _asked(*given)
        try:
            name, refused = self._requests.check_judge(asked.judge), ""
        except ApexSpaceError as error:
            name, refused = "", translate(str(error))
        lacking = [lacks(side, song, (name, Path(song)) in asked.known) for song, side in asked.players]
        if not any((*lacking, refused)):
            self._requests.claim(*asked.songs)
        return [gr.validate(not text, text) for text in (*lacking, "", "", refused, "")]

    def _show(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        yield "", _decoding("a"), *HIDDEN, "", gr.skip(), *RUNNING, gr.skip(), Compared()
        asked = _asked(*given)
        try:
            for step in self._requests.compare(asked.request):
                if isinstance(step, CompareProgress):
                    asked.known.update(step.known)
                    yield gr.skip(), _progress(step), *[gr.skip()] * 9
                else:
                    yield *_shown(step), asked.known, *IDLE, _level(asked, step), Compared(*asked.songs)
        except gr.Error as error:
            yield gr.skip(), render.failed(error), *[gr.skip()] * 4, *IDLE, gr.skip(), gr.skip()
            raise

    def _swap(self, first: str | None, second: str | None, turned: bool, *more: Any) -> tuple[Any, ...]:
        """Swap the sides of the songs without changing the players. Swap the answer if both songs have results."""
        asked = _asked(first, second, not turned, *more)
        row = gr.Row(elem_classes="" if turned else "turned")
        players = [gr.Audio(label=translate(name)) for _, name in asked.players]
        labelled = self.listings[:: 1 if turned else -1]
        shown = self._again(asked)
        compared = Compared(*asked.songs) if shown[0] else Compared()
        return (
            row,
            *players,
            *(gr.Dropdown(label=translate(str(each.label))) for each in labelled),
            not turned,
            *shown,
            compared,
        )

    def _again(self, asked: "_Asked") -> tuple[Any, ...]:
        try:
            name = self._requests.check_judge(asked.judge)
            if all((name, Path(song)) in asked.known for song, _ in asked.players):
                *_, answer = compare(asked.request, self._requests.manager.load, self._requests.models)
                assert not isinstance(answer, CompareProgress)
                return *_shown(answer), gr.skip(), *IDLE, _level(asked, answer)
        except ApexSpaceError:  # the judge or its preference head has changed: the songs must be scored again
            pass
        return "", render.note(tr(EMPTY)), *HIDDEN, "", gr.skip(), *IDLE, None


@dataclass(frozen=True)
class _Asked:
    """The inputs when a button is pressed: each player's song and side, the results so far, the judge, one maker."""

    players: tuple[tuple[str, str], tuple[str, str]]
    known: Results
    judge: str
    one_maker: bool

    @property
    def songs(self) -> tuple[str, str]:
        """Return song A and song B."""
        (a, _), (b, _) = sorted(self.players, key=lambda player: player[1])
        return a, b

    @property
    def request(self) -> CompareRequest:
        """Return the request to compare the songs. Songs with results are not scored again."""
        a, b = map(Path, self.songs)
        return CompareRequest(a, b, self.judge, self.known, self.one_maker)


def _asked(first: str | None, second: str | None, turned: bool, known: Results, judge: str, one_maker: bool) -> _Asked:
    """Return the inputs from the components' values, in their order. Drop the results of songs that were replaced."""
    sides = tuple(SIDE_NAMES.values())[:: -1 if turned else 1]
    kept = {key: result for key, result in known.items() if str(key[1]) in (first, second)}
    return _Asked(((first or "", sides[0]), (second or "", sides[1])), kept, judge, one_maker)


RUNNING = gr.Button(interactive=True), gr.Button(interactive=False), gr.Checkbox(interactive=False)
IDLE = gr.Button(interactive=False), gr.Button(interactive=True), gr.Checkbox(interactive=True)
"""The buttons Cancel and Swap and the checkbox while songs are compared, and at other times."""
HIDDEN = (gr.Plot(visible=False),) * 2


def _decoding(side: Side) -> str:
    return render.progress(tr("{side}: decoding and measuring", side=_side(side)), 0, 0)


def _side(side: Side | None) -> str:
    return translate(SIDE_NAMES[side]) if side else ""


def _progress(step: CompareProgress) -> Any:
    if step.current is None:
        return _decoding(step.side) if step.side else gr.skip()
    rest = ("", None) if step.left is None else (tr("the whole panel "), step.left)
    return render.judge_progress(step.current, _side(step.side), rest)


def _shown(answer: Comparison | PanelComparison) -> tuple[Any, ...]:
    done = render.note(tr("Done. The answer is above."))
    if isinstance(answer, PanelComparison):
        picture = gr.Plot(plots.preferences(answer), visible=bool(answer.comparisons))
        parts = (
            render.panel_comparison_summary(answer),
            done,
            picture,
            gr.Plot(visible=False),
        )
        return *parts, render.panel_comparison_downloads(answer) + render.panel_comparison_tables(answer)
    pictures = plots.probability(answer.answer), plots.contributions(answer.answer)
    return (
        render.answer(answer),
        done,
        *(gr.Plot(picture, visible=True) for picture in pictures),
        render.comparison_links(answer) + render.details(answer),
    )


def _level(asked: _Asked, answer: Comparison | PanelComparison) -> dict[str, Any] | None:
    """Return what makes both players equally loud, in the order of the players."""
    a, b = (song.reports[0] if isinstance(song, Panel) else song for song in (answer.a, answer.b))
    level, (_, first) = render.levelled(a, b), asked.players[0]
    return level and level | {"loudness": level["loudness"][:: 1 if first == SIDE_NAMES["a"] else -1]}


def _replaced() -> tuple[Any, ...]:
    return Compared(), render.note(tr(EMPTY)), *IDLE


def _cancelled() -> tuple[Any, ...]:
    return render.note(tr("Cancelled. Songs that were scored before stay in the cache.")), *IDLE
