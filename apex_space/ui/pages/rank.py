"""The Rank page: ranks many songs and keeps the best of them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from ... import plots
from ...arena.pool_sources import from_examples
from ...core.i18n import tr, translate
from ...core.settings import settings
from ...judges.manager import LoadProgress
from ...ranking.batch import Batch
from ...ranking.export import zip_kept
from ...ranking.order import PREFERENCE
from ...ranking.rank import KEEP, RankingProgress, RankRequest
from .. import render
from ..gradio_patches import file_input
from ..render import rank as rendered
from ..requests import Requests, rank_request
from ..static_files import read_static
from ..translation import fill
from . import inputs
from .inputs import OFF, ON

INTRODUCTION = """# Keep the best
Generate fifty songs and keep the best five. This page ranks many songs and says how sure the order is."""
PROMISE = (
    "Up to {batch} songs of {minutes:g} minutes and {megabytes:g} MB each, as files or in a zip of up to "
    "{megabytes:g} MB. The songs stay on the server for an hour after the ranking, or until you rank others, so "
    "that you can listen to them and download the best. Then they are deleted. Their embeddings (numbers, under a "
    "hash, without names) stay in a cache for a while, so that a cancelled run can be continued."
)
FINISHED = "Done. The ranking is below."
EMPTY = "Drop songs, then press Rank."
TEXTS = {
    "search": "Search",
    "sought": "name, group or note",
    "songs": "Songs",
    "found": "{done} of {total} songs",
    "listen": "Listen",
    "hear": "Hear {time}",
    "player": "Player of {song}",
    "kept": "The kept songs as a zip",
    "legend": "Solid line: kept and clearly ahead. Dashed line: not certain, so listen to these songs.",
}
"""Texts of the table's template and script."""
BLIND = {
    "title": "Listen without names",
    "what": "The judge is not certain about the songs with a dashed line. Listen to them two at a time, without names, "
    "and choose the better one. At the end, your order stands beside the judge's. Nine songs at most take part: the "
    "best ones by the judge's order. Your answers stay on this page.",
    "open": "Hear these songs blind",
    "equal": "Both are played equally loud.",
    "question": "Which song is better?",
    "a": "A is better",
    "b": "B is better",
    "alike": "They are alike",
    "about": "Comparison {n} of about {total}",
    "comparison": "Comparison {n} of {total}",
    "stop": "Stop here",
    "again": "Start again",
    "broken": "A song cannot be played. It may have been deleted, because songs stay for an hour. Rank the songs again "
    "to hear them.",
    "caption": "Your order and the judge's",
    "song": "Song",
    "yours": "Your rank",
    "judges": "Judge's rank",
    "agreement": "You and the judge put {same} of {total} pairs in the same order.",
    "left": "Pairs that do not count, because you or the judge found them alike: {n}.",
    "same": "You and the judge prefer the same song.",
    "other": "You and the judge prefer different songs.",
    "none": "You or the judge found these songs alike, so there is no order to compare.",
}
"""Texts of the blind comparisons' template and script."""
GROUPS = "Groups (optional)"
GROUPS_MEANING = (
    "A csv with the columns file and group. Groups let you compare several sources, such as two prompts or two "
    "versions of a generator: the page then also shows how the scores spread within each group. The ranking itself "
    "stays the same."
)
SAMPLE_LABEL = "A sample csv of groups"
CANCELLED = "Cancelled. The ranking so far stays. Press Rank to continue."


NO_SONGS = Batch(())
TABLE_SECONDS = 1.0
"""Minimum number of seconds between two tables of the songs so far."""


@dataclass(frozen=True, eq=False)
class Held:
    """Data kept for a visitor: the uploads, a folder for files unpacked from them, and the last step of the ranking."""

    request: RankRequest
    folder: Path
    step: RankingProgress | None = None
    batch: Batch = NO_SONGS


class RankPage:
    """Components and events. The packages ranking, plots and render do the work."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self._inputs()
            with gr.Column(scale=3, min_width=320):
                self._choices()
        self._outputs()
        self._events()

    def _inputs(self) -> None:
        config = settings()
        inputs.file_checks()
        self.songs = file_input(label="Songs, or a zip of songs", file_count="multiple", height=200, elem_id="songs")
        limits = {"batch": config.batch, "minutes": config.max_minutes, "megabytes": config.max_megabytes}
        gr.Markdown(fill(PROMISE, **limits), elem_classes="promise")
        self.examples = gr.Button("Take the example songs", size="sm", elem_classes="example")
        self.groups = file_input(label=GROUPS, height=120, elem_id="groups")
        gr.Markdown(GROUPS_MEANING, elem_classes="promise")
        gr.HTML(fill(rendered.SAMPLE, label=SAMPLE_LABEL))

    def _choices(self) -> None:
        self.judge = inputs.judge_radio(self._requests.manager, panel=False)
        self.by = gr.Radio(inputs.rank_choices(), value=PREFERENCE, label="Rank by", elem_id="by")
        self.keep = gr.Number(KEEP, label="Keep the best", precision=0)
        with gr.Row():
            self.start = gr.Button("Rank", variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", min_width=120, interactive=False)

    def _outputs(self) -> None:
        self.progress = inputs.progress(EMPTY)
        inputs.last_result()
        self.verdict = gr.HTML(elem_classes="result")
        self.table = gr.HTML(
            html_template=read_static("rank.html"),
            js_on_load=read_static("rank.js"),
            apply_default_css=False,
            texts=TEXTS,
            elem_id="ranked",
            elem_classes="result",
        )
        self.blind = gr.HTML(
            html_template=read_static("blind.html"),
            js_on_load=f"{read_static('level.js')}\n{read_static('blind.js')}",
            apply_default_css=False,
            texts=BLIND,
            sides=[{"side": side, "song": fill("Song {side}", side=side)} for side in "AB"],
            elem_id="blind",
        )
        inputs.share_button()
        self.standings = gr.Plot(label="The first 30", visible=False, elem_id="standings-plot")
        self.spread = gr.Plot(label="How the scores spread", visible=False, elem_id="spread-plot")
        self.tables = gr.HTML(elem_classes="result")
        self.held = gr.State(None, time_to_live=inputs.KEEP_SECONDS, delete_callback=self._release)

    def _events(self) -> None:
        pictures = [self.standings, self.spread]
        results = [self.progress, self.verdict, self.table, self.blind, *pictures, self.tables, self.cancel]
        given = [self.songs, self.judge, self.by, self.keep, self.groups]
        options: dict[str, Any] = {
            "validator": self._check,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
            "show_progress": "minimal",
            "show_progress_on": self.progress,
        }
        running = self.start.click(
            self._show, [*given, self.held], [*results, self.held], api_visibility="private", **options
        )
        inputs.show_progress([self.start.click])
        inputs.cancelling(self.cancel, running, self._cancelled, self.held, results)
        self.examples.click(_examples, outputs=self.songs, api_visibility="private")
        for when in (None, self.judge.change):  # None: when the page opens
            gr.on(
                when,
                self._choices_of,
                [self.judge, self.by],
                self.by,
                queue=False,
                preprocess=False,  # the score may be one of those that the judge before offered
                show_progress="hidden",
                api_visibility="private",
            )

    def _choices_of(self, judge: str, by: str) -> gr.Radio:
        """Offer the scores of this judge alone. Preference is chosen instead of a score that it lacks."""
        axes = self._requests.manager.axes(judge)
        choices = [(translate(label), key) for label, key in inputs.rank_choices(axes)]
        return gr.Radio(choices) if by in (PREFERENCE, *axes) else gr.Radio(choices, value=PREFERENCE)

    def _check(self, *given: Any) -> list[Any]:
        """Check the inputs before the queue. The last value is the state, which no visitor enters."""
        *asked, _ = given
        return [*self._requests.check_rank(*asked), gr.validate(True, "")]

    def _show(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        *asked, before = given
        self._release(before)
        request = rank_request(*asked)
        held = Held(request, self._requests.hold_ranking(request))
        hidden, due = gr.Plot(visible=False), 0.0
        yield render.progress(tr("Looking at the files"), 0, 0), "", None, None, hidden, hidden, "", ON, held
        try:
            for step in self._requests.rank(held.request, held.folder):
                if isinstance(step, Batch):
                    held = replace(held, batch=step)
                elif isinstance(step, LoadProgress):
                    yield render.judge_progress(step), *[gr.skip()] * 8
                elif step.current:
                    yield rendered.so_far(step), *[gr.skip()] * 8
                else:
                    held, now = replace(held, step=step), time.monotonic()
                    table = rendered.songs(step.ranking, _address) if now >= due else gr.skip()
                    due = time.monotonic() + TABLE_SECONDS if now >= due else due
                    yield rendered.so_far(step), gr.skip(), table, *[gr.skip()] * 5, held
            yield *_finished(held), held
        except gr.Error as error:
            yield render.failed(error), *[gr.skip()] * 6, OFF, held
            raise

    def _cancelled(self, held: Held | None) -> tuple[Any, ...]:
        if held is None or held.step is None:
            return render.note(tr(CANCELLED)), *[gr.skip()] * 6, OFF
        _, *results = _finished(held)
        return render.note(tr(CANCELLED)), *results

    def _release(self, held: Held | None) -> None:
        """Release the files of a ranking that nobody needs any more."""
        if held is not None:
            self._requests.release_ranking(held.request, held.folder)


def _examples() -> list[str]:
    return [str(song.file) for song in from_examples(offered=True)]


def _address(file: Path) -> str:
    """Return the address of a file in the folder of uploads, relative to the pages' address."""
    return f"gradio_api/file={quote(str(file))}"


def _finished(held: Held) -> tuple[Any, ...]:
    """Write the zip of the kept songs, and return everything about the ranking."""
    assert held.step is not None
    ranking, file = held.step.ranking, held.folder / "kept.zip"
    zip_kept(ranking, file)
    return (
        render.note(tr(FINISHED)),
        rendered.verdict(ranking, held.batch),
        rendered.songs(ranking, _address, file if ranking.kept else None),
        rendered.blind(ranking, _address),
        gr.Plot(plots.ranking_intervals(ranking), visible=bool(ranking.kept)),
        gr.Plot(plots.spread(ranking), visible=bool(ranking.kept)),
        rendered.downloads(ranking) + rendered.spread(ranking),
        OFF,
    )
