"""Checks and runs the requests of pages and endpoints, and deletes their uploads afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ..audio.isolated import cut_passage
from ..core.errors import ApexSpaceError, WeightsError
from ..core.i18n import tr, translate
from ..core.settings import settings
from ..judges.judge import ScoringProgress
from ..judges.manager import ABSENT, JudgeManager, LoadProgress
from ..judges.panel import PanelProgress
from ..judges.registry import REGISTRY
from ..judges.score import PANEL, ScoreRequest, score
from ..judges.what_if import WhatIfProgress, WhatIfRequest, what_if
from ..preference.compare import SIDE_NAMES, CompareProgress, CompareRequest, compare
from ..preference.comparison import Comparison, Models, no_models
from ..preference.panel_comparison import PanelComparison
from ..ranking.batch import Batch
from ..ranking.rank import RankingProgress, RankRequest, rank_files
from .gradio_patches import event_request
from .proxies import network
from .uploads import Uploads

GONE = "Some of these songs were deleted after an hour. Drop them again."

Check = dict[str, Any]
"""Result of a validator for one input."""


class Requests:
    """Runs the requests of visitors and programs.

    `check_score`, `check_compare` and `check_rank` are validators of Gradio's events and claim the uploads. They run
    before the queue, so that an impossible request does not wait. The queue releases the uploads when the event has
    ended. `score`, `compare` and `rank` raise gr.Error for every ApexSpaceError.
    """

    def __init__(self, manager: JudgeManager, uploads: Uploads, models: Models = no_models) -> None:
        self.manager, self.models, self._uploads = manager, models, uploads

    def check_judge(self, name: str) -> str:
        """Return the judge's own name, or PANEL. Raises UnknownJudge and WeightsMissing."""
        return PANEL if name == PANEL else self.manager.check(name)

    def check_score(self, song: str | None, judge: str) -> list[Check]:
        """Check a song and a judge, and claim the song."""
        if song is None:
            return _checks(tr("Choose a song first."), "")
        if not Path(song).is_file():
            return _checks(tr("This song was deleted after scoring. Drop it again."), "")
        return self._claimed([song], "", self._refusal(judge))

    def is_judge(self, asked: str, name: str) -> bool:
        """Return whether the judge that was asked for is the one of this name."""
        try:
            return self.check_judge(asked) == name
        except ApexSpaceError:
            return False

    def check_beside(self, song: str | None, judge: str, reference: str | None, known: str) -> list[Check]:
        """Check a song, a judge and a reference song, if there is one, and claim the songs.

        `known` is the judge whose report on the reference song is kept, if any. That judge needs no file of it.
        """
        why_not = self._unfit(judge, reference, known) if reference else ""
        if why_not:
            return _checks("", "", why_not)
        checks = self.check_score(song, judge)
        if reference and all(check["is_valid"] for check in checks):
            self.claim(reference)
        return [*checks, *_checks("")]

    def _unfit(self, judge: str, reference: str, known: str) -> str:
        """Return why a song cannot be the reference song, or an empty text."""
        if judge == PANEL:
            return tr("A reference song is scored by one judge, not by all. Choose one, or remove the reference song.")
        return lacks("The reference song", reference, self.is_judge(judge, known))

    def score(
        self, song: str, judge: str, failed: str = ""
    ) -> Iterator[LoadProgress | ScoringProgress | PanelProgress]:
        """Run `judges.score.score`. An error is titled `failed`, or says that the song was not scored."""
        with _running(failed or tr("This song was not scored"), judge):
            yield from score(ScoreRequest(Path(song), judge), self.manager.load)

    def check_what_if(self, song: str | None, judge: str) -> list[Check]:
        """Check a song and one judge, and claim the song."""
        if judge == PANEL:
            return _checks("", tr("Changes are tried with one judge, not with all."))
        return self.check_score(song, judge)

    def what_if(self, song: str, judge: str, parts: bool = False) -> Iterator[WhatIfProgress]:
        """Run `judges.what_if.what_if`."""
        with _running(tr("The changes were not tried"), judge):
            yield from what_if(WhatIfRequest(Path(song), judge, parts=parts), self.manager.load)

    def check_passage(self, song: str | None, known: bool) -> Check:
        """Check a song of which a passage is asked for, which is one of those that are `known`, and claim it."""
        if not known:
            return gr.validate(False, tr("This is no passage of the song that was scored last. Score it again."))
        if song is None or not Path(song).is_file():
            return gr.validate(False, tr("The song is no longer on the server, so it cannot be cut. Drop it again."))
        return self._claimed([song], "")[0]

    def cut(self, song: str, start: float, end: float) -> bytes:
        """Run `audio.isolated.cut_passage`."""
        with _running(tr("The passage was not cut"), ""):
            return cut_passage(Path(song), start, end)

    def check_compare(self, a: str | None, b: str | None, judge: str, one_maker: bool) -> list[Check]:
        """Check two songs without earlier results, and a judge, and claim the songs."""
        lacking = [lacks(side, song or "", known=False) for side, song in zip(SIDE_NAMES.values(), (a, b), strict=True)]
        return self._claimed([a or "", b or ""], *lacking, self._refusal(judge), "")

    def compare(self, request: CompareRequest) -> Iterator[CompareProgress | Comparison | PanelComparison]:
        """Run `preference.compare.compare`."""
        with _running(tr("These songs were not compared"), request.judge):
            yield from compare(request, self.manager.load, self.models)

    def check_rank(
        self, songs: list[str] | None, judge: str, by: str, keep: int | None, groups: str | None
    ) -> list[Check]:
        """Check the inputs of a ranking, and claim all files."""
        few = "" if keep is not None and keep > 0 else tr("Keep one or more.")
        uploads = [*(songs or ()), *([groups] if groups else ())]
        return self._claimed(uploads, _why_not(songs or []), self._refusal(judge), "", few, "")

    def rank(self, request: RankRequest, scratch: Path) -> Iterator[Batch | LoadProgress | RankingProgress]:
        """Run `ranking.rank.rank_files`."""
        self._uploads.own(str(scratch), sender := _sender())
        room = min(request.max_bytes, self._uploads.room(sender))
        with _running(tr("These songs were not ranked"), request.judge):
            yield from rank_files(replace(request, max_bytes=room), scratch, self.manager.load, models=self.models)

    def hold_ranking(self, request: RankRequest) -> Path:
        """Keep a ranking's uploads until `release_ranking`, so that people can listen to the songs.

        Return a new folder for unpacked songs. It is in the folder of uploads, from which Gradio serves files.
        """
        scratch = tempfile.mkdtemp(prefix="rank-", dir=get_upload_folder())
        self.claim(scratch, *_files(request))
        return Path(scratch)

    def release_ranking(self, request: RankRequest, scratch: Path) -> None:
        """Delete the folder of a ranking, and release its uploads."""
        shutil.rmtree(scratch, ignore_errors=True)
        for upload in (str(scratch), *_files(request)):
            self._uploads.release(upload)

    def claim(self, *uploads: str) -> None:
        """Keep uploads until they are released: in a validator, by the queue."""
        for upload in uploads:
            self._uploads.claim(upload)

    def _refusal(self, judge: str) -> str:
        try:
            self.check_judge(judge)
        except ApexSpaceError as error:
            return translate(str(error))
        return ""

    def _claimed(self, uploads: list[str], *texts: str) -> list[Check]:
        """Return a check for each text, and claim the uploads if all texts are empty."""
        if not any(texts):
            self.claim(*uploads)
        return _checks(*texts)


@contextmanager
def _running(title: str, judge: str) -> Iterator[None]:
    """Raise gr.Error for an ApexSpaceError. What is wrong with weights is for whoever runs the server."""
    try:
        yield
    except WeightsError as error:
        text = tr(ABSENT, judge=REGISTRY[judge].title if judge in REGISTRY else judge)
        raise gr.Error(text, title=title, print_exception=False) from error
    except ApexSpaceError as error:
        raise gr.Error(translate(str(error)), title=title, print_exception=False) from error


def _sender() -> str:
    """Return the network of the visitor whose event runs, or an empty text outside of events."""
    request = event_request()
    return network(request) if request else ""


def _files(request: RankRequest) -> list[str]:
    return [*map(str, request.sources), *([str(request.groups)] if request.groups else ())]


def rank_request(songs: list[str], judge: str, by: str, keep: int, groups: str | None) -> RankRequest:
    """Return a ranking request from the values of the components."""
    return RankRequest(tuple(map(Path, songs)), judge, by, keep, Path(groups) if groups else None, settings().batch)


def lacks(side: str, song: str, known: bool) -> str:
    """Return why a song cannot be compared, or an empty text. A `known` song has a result and needs no file."""
    if not song:
        return tr("Choose {side} first.", side=translate(side))
    deleted = tr("{side} was deleted after it was scored. Drop it again.", side=translate(side))
    return "" if known or Path(song).is_file() else deleted


def _checks(*texts: str) -> list[Check]:
    return [gr.validate(not text, text) for text in texts]


def _why_not(songs: list[str]) -> str:
    """Return why these files cannot be ranked, or an empty text if they can."""
    if not songs:
        return tr("Choose songs first.")
    most = settings().batch
    if len(songs) > most:
        return tr(
            "These are {n} files; at most {most} are ranked at once. Rank them in parts.", n=len(songs), most=most
        )
    return "" if all(Path(song).is_file() for song in songs) else tr(GONE)
