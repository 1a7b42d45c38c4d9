"""The Compare page: two songs in, which of them people would pick out."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from .. import plots, preference
from ..arena.pool import Pool
from ..audio import Waveform
from ..errors import ApexSpaceError, AudioError
from ..judges import Judge
from ..preference import Comparison, Listening
from ..report import Report
from ..roster import Roster
from ..settings import settings
from . import inputs, render
from .uploads import Uploads

INTRODUCTION = """# Which one would people pick?
Two songs in; out comes how many of 100 listeners would prefer the one to the other, how sure that is, and why."""
PROMISE = (
    "Each up to {minutes:g} minutes and {megabytes:g} MB. Both are deleted from the server within seconds of being "
    "compared; their scores stay with this page while it is open, so that you can swap or exchange a song."
)
SIDES = ("Song A", "Song B")
DECODING = "{}: decoding and measuring"
EMPTY = "Choose song A and song B, then press Compare."
KEEP_SECONDS = 3600.0
Heard = dict[tuple[str, str], Report]
"""What this visitor's last comparison heard, by judge and path of the upload, which may be deleted by now."""


class ComparePage:
    """Components and events; the work is done by judges, preference, plots and render."""

    def __init__(self, roster: Roster, uploads: Uploads, pool: Pool) -> None:
        self._uploads, self._pool = uploads, pool
        gr.Markdown(INTRODUCTION)
        self._inputs(roster)
        self._outputs()
        self._events()

    def _inputs(self, roster: Roster) -> None:
        config = settings()
        self.songs, self.examples = [], []
        with gr.Row(elem_id="pair") as self.row:
            for side in SIDES:
                with gr.Column(min_width=300):
                    song = inputs.song(side, side.lower().replace(" ", "-"))
                    self.songs.append(song)
                    self.examples += [(button, path, song) for button, path in inputs.examples()]
                    if settings().pool:
                        inputs.pool_song(self._pool, song)
        self.turned = gr.State(False)
        gr.Markdown(PROMISE.format(minutes=config.max_minutes, megabytes=config.max_megabytes), elem_classes="promise")
        self.judge = inputs.JudgeChoice(roster)
        with gr.Row():
            self.start = gr.Button("Compare", variant="primary", min_width=90)
            self.swap = gr.Button("Swap", min_width=90)
            self.cancel = gr.Button("Cancel", min_width=90, interactive=False)

    def _outputs(self) -> None:
        self.answer = gr.HTML()
        self.progress = gr.HTML(render.note(EMPTY))
        self.probability = gr.Plot(label="Of 100 listeners", visible=False, elem_id="probability-plot")
        self.contributions = gr.Plot(label="What spoke for which song", visible=False, elem_id="contributions-plot")
        self.tables = gr.HTML()
        self.heard = gr.State({}, time_to_live=KEEP_SECONDS)
        self.comparison = gr.JSON(visible=False)

    def _events(self) -> None:
        pictures = [self.probability, self.contributions]
        outputs = [self.answer, self.progress, *pictures, self.tables, self.heard, self.cancel]
        given = [*self.songs, self.turned, self.heard, self.judge.radio]
        options: dict[str, Any] = {
            "inputs": given,
            "validator": self._admit,
            "concurrency_id": "score",
            "show_progress": "minimal",
            "scroll_to_output": True,
            "show_progress_on": self.progress,
        }
        running = self.start.click(self._show, outputs=outputs, api_visibility="private", **options)
        for button, path, song in self.examples:
            button.click(lambda path=path: path, outputs=song, api_visibility="private")
        exchanged = [self.row, *self.songs, self.turned, *outputs]
        self.swap.click(self._swap, given, exchanged, queue=False, api_visibility="private", show_progress="hidden")
        self.cancel.click(_cancelled, outputs=[self.progress, self.cancel], cancels=running, api_visibility="private")
        gr.Button(visible=False).click(self._answer, outputs=self.comparison, api_name="compare", **options)

    def _admit(self, *given: Any) -> list[dict[str, Any]]:
        """Runs before the queue: nothing waits that cannot be compared."""
        asked = _asked(*given)
        try:
            name, refused = self.judge.check(asked.judge), ""
        except ApexSpaceError as error:
            name, refused = "", str(error)
        lacking = [_lacking(side, song, (name, song) in asked.heard) for song, side in asked.players]
        if not any((*lacking, refused)):
            for song in asked.songs:
                self._uploads.claim(song)
        return [gr.validate(not text, text) for text in (*lacking, "", "", refused)]

    def _show(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        yield "", render.progress(DECODING.format(SIDES[0]), 0, 0), *HIDDEN, "", gr.skip(), ON
        asked = _asked(*given)
        try:
            for step in self._steps(asked):
                if isinstance(step, Comparison):
                    yield *_shown(step), asked.heard, OFF
                else:
                    yield gr.skip(), _progress(step), *[gr.skip()] * 5
        except gr.Error as error:
            yield gr.skip(), render.note(f"{error.title}. {error.message}", "error"), *[gr.skip()] * 4, OFF
            raise

    def _answer(self, a: str, b: str, turned: bool, heard: Heard, judge: str = inputs.BEST) -> dict[str, Any]:
        """Which of two songs people would prefer, how sure that is, and why. `judge`: "best", or a judge's name."""
        return render.as_dict(_last(self._steps(_asked(a, b, turned, heard, judge))))

    def _steps(self, asked: "_Asked") -> Iterator[Listening | Comparison]:
        try:
            yield from self._compared(asked)
        except ApexSpaceError as error:
            raise gr.Error(str(error), title="These songs were not compared", print_exception=False) from error
        finally:
            for song in asked.songs:
                self._uploads.release(song)

    def _compared(self, asked: "_Asked") -> Iterator[Listening | Comparison]:
        def listener(name: str) -> Judge:
            judge = self.judge.get(name)
            parts = {field.name: getattr(judge, field.name) for field in fields(judge)}
            return _Listener(**parts, asked=asked)

        return preference.steps(listener(asked.judge), *asked.songs, listener)

    def _swap(self, first: str | None, second: str | None, turned: bool, heard: Heard, judge: str) -> tuple[Any, ...]:
        """Exchange the sides, the players as they are, and the answer, where both songs were heard for one."""
        asked = _asked(first, second, not turned, heard, judge)
        row = gr.Row(elem_classes="" if turned else "turned")
        return row, *(gr.Audio(label=side) for _, side in asked.players), not turned, *self._again(asked)

    def _again(self, asked: "_Asked") -> tuple[Any, ...]:
        try:
            name = self.judge.check(asked.judge)
            if all((name, song) in asked.heard for song, _ in asked.players):
                return *_shown(_last(self._compared(asked))), gr.skip(), OFF
        except ApexSpaceError:  # the judge, or its preference head, changed meanwhile: the songs are heard anew
            pass
        return "", render.note(EMPTY), *HIDDEN, "", gr.skip(), OFF


@dataclass(frozen=True)
class _Asked:
    """What the page holds when a button is pressed: each player's song and side, what was heard before, the judge."""

    players: tuple[tuple[str, str], tuple[str, str]]
    heard: Heard
    judge: str

    @property
    def songs(self) -> tuple[str, str]:
        """Song A and song B."""
        (a, _), (b, _) = sorted(self.players, key=lambda player: player[1])
        return a, b

    def side(self, song: str) -> str:
        """Its side; a song that is on both is on the first."""
        return dict(reversed(self.players))[song]


def _asked(first: str | None, second: str | None, turned: bool, heard: Heard, judge: str) -> _Asked:
    """From the values of the components, in their order. Songs that were exchanged are forgotten."""
    sides = SIDES[::-1] if turned else SIDES
    kept = {key: report for key, report in heard.items() if key[1] in (first, second)}
    return _Asked(((first or "", sides[0]), (second or "", sides[1])), kept, judge)


@dataclass(frozen=True)
class _Listener(Judge):
    """A judge that knows what it heard for this visitor, and says which song it could not hear."""

    asked: _Asked

    def steps(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[Report]:
        """As Judge's; the last report on a song is kept."""
        heard, key = self.asked.heard, (self.name, str(song))
        try:
            for report in [heard[key]] if key in heard else super().steps(song, name):
                yield report
        except AudioError as error:
            raise type(error)(f"{self.asked.side(key[1])}: {error}") from error
        heard[key] = report


ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)
HIDDEN = (gr.Plot(visible=False),) * 2


def _lacking(side: str, song: str, heard: bool) -> str:
    """Why a song cannot be compared; empty where it can."""
    if not song:
        return f"Choose {side} first."
    return "" if heard or Path(song).is_file() else f"{side} was deleted after it was heard. Drop it again."


def _last(steps: Iterator[Listening | Comparison]) -> Comparison:
    (comparison,) = (step for step in steps if isinstance(step, Comparison))
    return comparison


def _progress(step: Listening) -> str:
    heard, duration = step.report.segments[-1].end, step.report.duration
    if step.side == "a" and heard >= duration:
        return render.progress(DECODING.format(SIDES[1]), 0, 0)
    text = f"{SIDES[step.side == 'b']}: heard {render.clock(heard)} of {render.clock(duration)}"
    return render.progress(text, heard, duration)


def _shown(comparison: Comparison) -> tuple[Any, ...]:
    pictures = plots.probability(comparison.answer), plots.contributions(comparison.answer)
    return (
        render.answer(comparison),
        render.comparison_links(comparison),
        *(gr.Plot(picture, visible=True) for picture in pictures),
        render.details(comparison),
    )


def _cancelled() -> tuple[str, gr.Button]:
    return render.note("Cancelled. Songs that were heard until then are remembered."), OFF
