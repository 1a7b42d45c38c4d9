"""The Compare page: two songs in, which of them people would pick out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from ... import plots
from ...arena.pool import Pool
from ...audio.waveform import Waveform, load_song
from ...core.errors import ApexSpaceError, AudioError
from ...core.i18n import said, tr
from ...core.settings import settings
from ...judges import panel
from ...judges.judge import Judge, ScoringProgress
from ...judges.manager import JudgeManager, LoadProgress
from ...judges.panel import Panel
from ...judges.registry import REGISTRY
from ...judges.report import Report
from ...preference import compare, head_files, panel_comparison
from ...preference.compare import Comparison
from ...preference.panel_comparison import PanelComparison
from .. import render
from ..uploads import Uploads
from . import inputs
from .inputs import PANEL

INTRODUCTION = """# Which one would people pick?
Two songs in; out comes how many of 100 listeners would prefer the one to the other, how sure that is, and why."""
PROMISE = (
    "Each up to {minutes:g} minutes and {megabytes:g} MB. Both are deleted from the server within seconds of being "
    "compared; their scores stay with this page while it is open, so that you can swap or exchange a song."
)
SIDES = ("Song A", "Song B")
EMPTY = "Choose song A and song B, then press Compare."
KEEP_SECONDS = 3600.0
Answer = Comparison | PanelComparison
Heard = dict[tuple[str, str], Report | Panel]
"""What this visitor's last comparison heard, by judge, or PANEL, and path of the upload, which may be deleted by
now."""


class ComparePage:
    """Components and events; the work is done by judges, preference, plots and render."""

    def __init__(self, roster: JudgeManager, uploads: Uploads, pool: Pool) -> None:
        self._uploads, self._pool = uploads, pool
        gr.Markdown(INTRODUCTION)
        self._inputs(roster)
        self._outputs()
        self._events()

    def _inputs(self, roster: JudgeManager) -> None:
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

    def _events(self) -> None:
        pictures = [self.probability, self.contributions]
        outputs = [self.answer, self.progress, *pictures, self.tables, self.heard, self.cancel]
        given = [*self.songs, self.turned, self.heard, self.judge.radio]
        options: dict[str, Any] = {
            "inputs": given,
            "validator": self._admit,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
            "show_progress": "minimal",
            "scroll_to_output": True,
            "show_progress_on": self.progress,
        }
        running = self.start.click(self._show, outputs=outputs, api_visibility="private", **options)
        for button, path, song in self.examples:
            button.click(lambda path=path: path, outputs=song, api_visibility="private")
        exchanged = [self.row, *self.songs, self.turned, *outputs]
        self.swap.click(self._swap, given, exchanged, queue=False, api_visibility="private", show_progress="hidden")
        inputs.cancelling(self.cancel, running, _cancelled, None, [self.progress, self.cancel])

    def _admit(self, *given: Any) -> list[dict[str, Any]]:
        """Runs before the queue: nothing waits that cannot be compared."""
        asked = _asked(*given)
        try:
            name, refused = self.judge.check(asked.judge), ""
        except ApexSpaceError as error:
            name, refused = "", said(str(error))
        lacking = [_lacking(side, song, (name, song) in asked.heard) for song, side in asked.players]
        if not any((*lacking, refused)):
            for song in asked.songs:
                self._uploads.claim(song)
        return [gr.validate(not text, text) for text in (*lacking, "", "", refused)]

    def _show(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        yield "", _decoding(SIDES[0]), *HIDDEN, "", gr.skip(), ON
        asked = _asked(*given)
        try:
            for step in self._steps(asked):
                if isinstance(step, str):
                    yield gr.skip(), step, *[gr.skip()] * 5
                else:
                    yield *_shown(step), asked.heard, OFF
        except gr.Error as error:
            yield gr.skip(), render.failed(error), *[gr.skip()] * 4, OFF
            raise

    def admit(self, a: str | None, b: str | None, judge: str) -> list[dict[str, Any]]:
        """As the page's, for two songs of which nothing is known."""
        first, second, *_, chosen = self._admit(a, b, False, {}, judge)
        return [first, second, chosen]

    def result(self, a: str, b: str, judge: str) -> dict[str, Any]:
        """The comparison, or the panel's duel, for JSON."""
        answer = _last(self._steps(_asked(a, b, False, {}, judge)))
        return answer.as_dict() if isinstance(answer, PanelComparison) else render.as_dict(answer)

    def _steps(self, asked: "_Asked") -> Iterator[str | Answer]:
        try:
            yield from self._compared(asked)
        except ApexSpaceError as error:
            title = tr("These songs were not compared")
            raise gr.Error(said(str(error)), title=title, print_exception=False) from error
        finally:
            for song in asked.songs:
                self._uploads.release(song)

    def _compared(self, asked: "_Asked") -> Iterator[str | Answer]:
        """What is to be shown while it is compared, and at last the answer."""
        return self._by_panel(asked) if asked.judge == PANEL else self._by_judge(asked)

    def _by_judge(self, asked: "_Asked") -> Iterator[str | Answer]:
        for step in self.judge.load(asked.judge):
            if isinstance(step, LoadProgress):
                yield render.under_way(step)
            else:
                yield from self._heard_by(_listener(step, asked), asked)

    def _heard_by(self, judge: Judge, asked: "_Asked") -> Iterator[str | Answer]:
        head_files.load(judge.name)  # a broken head is told before anything is heard
        for song in asked.songs:
            yield _decoding(asked.side(song))
            for progress in judge.listen(song):
                yield render.under_way(progress, said(asked.side(song)))
        yield compare.compare(judge, *asked.songs, lambda name: _listener(self.judge.get(name), asked))

    def _by_panel(self, asked: "_Asked") -> Iterator[str | Answer]:
        new = [song for song in dict.fromkeys(asked.songs) if (PANEL, song) not in asked.heard]
        waveforms = []
        for song in new:
            yield _decoding(asked.side(song))
            with _named(asked.side(song)):
                waveforms.append((load_song(song), Path(song).name))
        for step in panel.score_songs(REGISTRY if new else (), self.judge.load, *waveforms):
            if step.current is not None:
                rest = tr("the whole panel "), step.left
                yield render.under_way(step.current, said(asked.side(new[step.song])), rest)
        asked.heard.update(((PANEL, song), heard) for song, heard in zip(new, step.panels, strict=True))
        yield panel_comparison.compare_panels(*map(asked.panel, asked.songs))

    def _swap(self, first: str | None, second: str | None, turned: bool, heard: Heard, judge: str) -> tuple[Any, ...]:
        """Exchange the sides, the players as they are, and the answer, where both songs were heard for one."""
        asked = _asked(first, second, not turned, heard, judge)
        row = gr.Row(elem_classes="" if turned else "turned")
        return row, *(gr.Audio(label=said(side)) for _, side in asked.players), not turned, *self._again(asked)

    def _again(self, asked: "_Asked") -> tuple[Any, ...]:
        try:
            name = self.judge.check(asked.judge)
            if all((name, song) in asked.heard for song, _ in asked.players):
                return *_shown(_last(self._compared(asked))), gr.skip(), OFF
        except ApexSpaceError:  # the judge, or its preference head, changed meanwhile: the songs are heard anew
            pass
        return "", render.note(tr(EMPTY)), *HIDDEN, "", gr.skip(), OFF


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

    def panel(self, song: str) -> Panel:
        """What the panel, which has heard it, made of it."""
        heard = self.heard[PANEL, song]
        assert isinstance(heard, Panel)
        return heard

    def side(self, song: str) -> str:
        """Its side; a song that is on both is on the first."""
        return dict(reversed(self.players))[song]


def _asked(first: str | None, second: str | None, turned: bool, heard: Heard, judge: str) -> _Asked:
    """From the values of the components, in their order. Songs that were exchanged are forgotten."""
    sides = SIDES[::-1] if turned else SIDES
    kept = {key: report for key, report in heard.items() if key[1] in (first, second)}
    return _Asked(((first or "", sides[0]), (second or "", sides[1])), kept, judge)


@dataclass(frozen=True, kw_only=True)
class _Listener(Judge):
    """A judge that knows what it heard for this visitor, and says which song it could not hear."""

    asked: _Asked

    def listen(self, song: str | Path | Waveform, name: str | None = None) -> Iterator[ScoringProgress]:
        """As Judge's; the report on a song is kept."""
        key = (self.name, str(song))
        known = self.asked.heard.get(key)
        if isinstance(known, Report):
            yield ScoringProgress(self.name, known.duration, 1.0, 0.0, known)
            return
        with _named(self.asked.side(key[1])):
            for progress in super().listen(song, name):
                yield progress
        assert progress.report is not None
        self.asked.heard[key] = progress.report


def _listener(judge: Judge, asked: _Asked) -> _Listener:
    parts = {field.name: getattr(judge, field.name) for field in fields(judge)}
    return _Listener(**parts, asked=asked)


@contextmanager
def _named(side: str) -> Iterator[None]:
    """Say of an error which song it is about."""
    try:
        yield
    except AudioError as error:
        raise type(error)(f"{side}: {error}") from error


ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)
HIDDEN = (gr.Plot(visible=False),) * 2


def _lacking(side: str, song: str, heard: bool) -> str:
    """Why a song cannot be compared; empty where it can."""
    if not song:
        return tr("Choose {side} first.", side=said(side))
    deleted = tr("{side} was deleted after it was heard. Drop it again.", side=said(side))
    return "" if heard or Path(song).is_file() else deleted


def _last(steps: Iterator[str | Answer]) -> Answer:
    (answer,) = (step for step in steps if not isinstance(step, str))
    return answer


def _decoding(side: str) -> str:
    return render.progress(tr("{side}: decoding and measuring", side=said(side)), 0, 0)


def _shown(answer: Answer) -> tuple[Any, ...]:
    if isinstance(answer, PanelComparison):
        picture = gr.Plot(plots.preferences(answer), visible=bool(answer.comparisons))
        parts = render.duel(answer), render.duel_links(answer), picture, gr.Plot(visible=False)
        return *parts, render.duel_tables(answer)
    pictures = plots.probability(answer.answer), plots.contributions(answer.answer)
    return (
        render.answer(answer),
        render.comparison_links(answer),
        *(gr.Plot(picture, visible=True) for picture in pictures),
        render.details(answer),
    )


def _cancelled() -> tuple[str, gr.Button]:
    return render.note(tr("Cancelled. Songs that were heard until then are remembered.")), OFF
