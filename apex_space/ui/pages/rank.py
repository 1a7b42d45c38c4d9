"""The Rank page: many songs in, the best of them out."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.utils import get_upload_folder

from ... import plots
from ...arena.pool_sources import EXAMPLES
from ...core.axes import AXES
from ...core.errors import ApexSpaceError
from ...core.i18n import said, tr
from ...core.settings import settings
from ...judges.manager import JudgeManager, LoadProgress
from ...ranking import rank
from ...ranking.batch import gather, read_groups
from ...ranking.export import zip_kept
from ...ranking.order import PREFERENCE, Ranking
from ...ranking.rank import KEEP, RankingProgress
from .. import render
from ..gradio_patches import file_input
from ..render import rank as rendered
from ..static_files import read_static
from ..uploads import Uploads
from . import inputs
from .inputs import PANEL

INTRODUCTION = """# Keep the best
Generate fifty songs, keep the best five: many songs in, out comes their order, and how sure it is."""
PROMISE = (
    "Up to {batch} songs of {minutes:g} minutes and {megabytes:g} MB each, as files or in a zip of up to {megabytes:g} "
    "MB. So that you can listen to them and take the kept ones along, they stay on the server for an hour after they "
    "were ranked, or until you rank others, and are then deleted. What was heard in them (numbers, under a hash, "
    "without names) is remembered for a while, so that another run goes on where one was cancelled."
)
EMPTY = "Drop songs, then press Rank."
TEXTS = {
    "search": "Search",
    "sought": "name, group or note",
    "songs": "Songs",
    "found": "{done} of {total} songs",
    "listen": "Listen",
    "player": "Player of {song}",
    "kept": "The kept songs as a zip",
}
"""Of the table's template and script."""
GROUPS = "Groups, if you like: a csv of file and group"
KEEP_SECONDS = 3600.0
"""Gradio keeps the state of a closed page that long whatever is asked for: no less can be promised."""
GONE = "Some of these songs were deleted after an hour. Drop them again."
CANCELLED = "Cancelled. What was ranked until then stays; Rank goes on from there."


@dataclass(frozen=True)
class Asked:
    """What the page holds when a button is pressed."""

    songs: list[str]
    judge: str = inputs.BEST
    by: str = PREFERENCE
    keep: int = KEEP
    groups: str | None = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """All files."""
        return (*self.songs, self.groups) if self.groups else tuple(self.songs)


@dataclass(frozen=True, eq=False)
class Held:
    """What is kept for a visitor: the uploads, a folder for what is unpacked from them, and the ranking so far."""

    asked: Asked
    folder: Path
    ranking: Ranking | None = None
    left_out: int = 0


class RankPage:
    """Components and events; the work is done by ranking, plots and render."""

    def __init__(self, roster: JudgeManager, uploads: Uploads) -> None:
        self._uploads = uploads
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self._inputs(roster)
            with gr.Column(scale=3, min_width=320):
                self._choices(roster)
        self._outputs()
        self._events()

    def _inputs(self, roster: JudgeManager) -> None:
        config = settings()
        self.songs = file_input(label="Songs, or a zip of songs", file_count="multiple", height=200, elem_id="songs")
        limits = {"batch": config.batch, "minutes": config.max_minutes, "megabytes": config.max_megabytes}
        gr.Markdown(PROMISE.format(**limits), elem_classes="promise")
        self.examples = gr.Button("Take the example songs", size="sm", elem_classes="example")
        self.groups = file_input(label=GROUPS, height=120, elem_id="groups")

    def _choices(self, roster: JudgeManager) -> None:
        self.judge = inputs.JudgeChoice(roster)
        self.judge.radio.choices = [choice for choice in self.judge.radio.choices if choice[1] != PANEL]
        by = [("Preference: what people would pick", PREFERENCE), *((axis.label, axis.key) for axis in AXES)]
        self.by = gr.Radio(by, value=PREFERENCE, label="Rank by", elem_id="by")
        self.keep = gr.Number(KEEP, label="Keep the best", precision=0)
        with gr.Row():
            self.start = gr.Button("Rank", variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", min_width=120, interactive=False)

    def _outputs(self) -> None:
        self.progress = gr.HTML(render.note(EMPTY))
        self.verdict = gr.HTML()
        self.table = gr.HTML(
            html_template=read_static("rank.html"),
            js_on_load=read_static("rank.js"),
            apply_default_css=False,
            texts=TEXTS,
            elem_id="ranked",
        )
        self.standings = gr.Plot(label="The first 30", visible=False, elem_id="standings-plot")
        self.spread = gr.Plot(label="How the scores spread", visible=False, elem_id="spread-plot")
        self.tables = gr.HTML()
        self.held = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=self._release)

    def _events(self) -> None:
        results = [self.progress, self.verdict, self.table, self.standings, self.spread, self.tables, self.cancel]
        given = [self.songs, self.judge.radio, self.by, self.keep, self.groups]
        options: dict[str, Any] = {
            "validator": self.admit,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
            "show_progress": "minimal",
            "show_progress_on": self.progress,
        }
        running = self.start.click(
            self._show, [*given, self.held], [*results, self.held], api_visibility="private", **options
        )
        inputs.cancelling(self.cancel, running, self._cancelled, self.held, results)
        self.examples.click(_examples, outputs=self.songs, api_visibility="private")

    def admit(self, songs: list[str] | None, judge: str, by: str, keep: int | None, *more: Any) -> list[Any]:
        """Runs before the queue: nothing waits that cannot be ranked."""
        asked, refused = Asked(songs or [], groups=more[0]), ""
        try:
            self.judge.check(judge)
        except ApexSpaceError as error:
            refused = said(str(error))
        few = "" if keep is not None and keep > 0 else tr("Keep one or more.")
        texts = (_why_not(asked.songs), refused, "", few, *("" for _ in more))
        if not any(texts):
            for upload in asked.uploads:
                self._uploads.claim(upload)
        return [gr.validate(not text, text) for text in texts]

    def _show(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        *asked, before = given
        self._release(before)
        held = _hold(Asked(*asked))
        hidden = gr.Plot(visible=False)
        yield render.progress(tr("Looking at the files"), 0, 0), "", None, hidden, hidden, "", ON, held
        try:
            for step in self._steps(held):
                if isinstance(step, Held):
                    held = step
                elif isinstance(step, LoadProgress):
                    yield render.under_way(step), *[gr.skip()] * 7
                elif step.current:
                    yield rendered.so_far(step), *[gr.skip()] * 7
                else:
                    held = replace(held, ranking=step.ranking)
                    table = rendered.songs(step.ranking, _address)
                    yield rendered.so_far(step), gr.skip(), table, *[gr.skip()] * 4, held
            yield *_finished(held), held
        except gr.Error as error:
            yield render.failed(error), *[gr.skip()] * 5, OFF, held
            raise

    def result(self, songs: list[str], judge: str, by: str, keep: int, groups: str | None) -> dict[str, Any]:
        """The ranking, for JSON."""
        held = _hold(Asked(songs, judge, by, keep, groups))
        try:
            *_, last = self._steps(held)
            assert isinstance(last, RankingProgress)
            return last.ranking.as_dict()
        finally:
            self._release(held)

    def _steps(self, held: Held) -> Iterator[LoadProgress | Held | RankingProgress]:
        asked = held.asked
        try:
            groups = read_groups(Path(asked.groups)) if asked.groups else {}
            batch = gather(map(Path, asked.songs), held.folder, groups, settings().batch)
            yield replace(held, left_out=batch.left_out)
            for step in self.judge.load(asked.judge):
                if isinstance(step, LoadProgress):
                    yield step
                else:
                    yield from rank.rank(batch.songs, step, asked.by, asked.keep, self.judge.get)
        except ApexSpaceError as error:
            raise gr.Error(said(str(error)), title=tr("These songs were not ranked"), print_exception=False) from error

    def _cancelled(self, held: Held | None) -> tuple[Any, ...]:
        if held is None or held.ranking is None:
            return render.note(tr(CANCELLED)), *[gr.skip()] * 5, OFF
        progress, *results = _finished(held)
        return render.note(tr(CANCELLED)) + progress, *results

    def _release(self, held: Held | None) -> None:
        """Nobody needs these files any more."""
        if held is not None:
            shutil.rmtree(held.folder, ignore_errors=True)
            for upload in held.asked.uploads:
                self._uploads.release(upload)


ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)


def _examples() -> list[str]:
    return [str(path) for path in sorted(EXAMPLES.glob("*.ogg"))]


def _why_not(songs: Sequence[str]) -> str:
    """Why these files cannot be ranked; empty where they can."""
    if not songs:
        return tr("Choose songs first.")
    most = settings().batch
    if len(songs) > most:
        return tr(
            "These are {n} files; at most {most} are ranked at once. Rank them in parts.", n=len(songs), most=most
        )
    return "" if all(Path(song).is_file() for song in songs) else tr(GONE)


def _hold(asked: Asked) -> Held:
    return Held(asked, Path(tempfile.mkdtemp(prefix="rank-", dir=get_upload_folder())))


def _address(file: Path) -> str:
    """Where a file below the folder of uploads is served, from the pages' address on."""
    return f"gradio_api/file={quote(str(file))}"


def _finished(held: Held) -> tuple[Any, ...]:
    """Everything about the ranking, with the kept songs to take along."""
    assert held.ranking is not None
    file = held.folder / "kept.zip"
    zip_kept(held.ranking, file)
    return (
        rendered.downloads(held.ranking),
        rendered.verdict(held.ranking, held.left_out),
        rendered.songs(held.ranking, _address, file if held.ranking.kept else None),
        gr.Plot(plots.ranking_intervals(held.ranking), visible=bool(held.ranking.kept)),
        gr.Plot(plots.spread(held.ranking), visible=bool(held.ranking.kept)),
        rendered.spread(held.ranking),
        OFF,
    )
