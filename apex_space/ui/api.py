"""Defines what programs may call: six endpoints over HTTP, which are also MCP tools.

MCP clients read the docstrings of the six methods.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from ..arena.leaderboard import LeaderboardService
from ..core.errors import ApexSpaceError
from ..core.i18n import tr, translate
from ..judges import verified
from ..judges.manager import BEST
from ..judges.registry import REGISTRY
from ..judges.report import Report, rounded
from ..judges.score import result
from ..preference import passages
from ..preference.compare import CompareProgress, CompareRequest
from ..ranking.order import PREFERENCE
from ..ranking.rank import KEEP, RankingProgress
from .gradio_patches import describe_file_list, file_input
from .pages import inputs, what_if_panel
from .requests import Requests, rank_request

SCORE: dict[str, Any] = {"concurrency_id": "score", "concurrency_limit": inputs.AT_ONCE}
WHAT_IF: dict[str, Any] = {"concurrency_id": "what-if", "concurrency_limit": what_if_panel.AT_ONCE}
"""Limits that endpoints share with the pages' events."""


class Api:
    """Defines named endpoints for what the pages do. All other events are private to the pages."""

    def __init__(self, requests: Requests, leaderboard: LeaderboardService) -> None:
        self._requests, self._leaderboard = requests, leaderboard
        with gr.Column(visible=False):
            self._events()

    def _events(self) -> None:
        song, a, b = (gr.Audio(label=label, type="filepath") for label in ("Song", "Song A", "Song B"))
        judge = gr.Radio(inputs.judge_choices(), value=BEST, label="Judge")
        ranker = gr.Radio(inputs.judge_choices(panel=False), value=BEST, label="Judge")
        by = gr.Radio(inputs.rank_choices(), value=PREFERENCE, label="Rank by")
        keep, groups = gr.Number(KEEP, label="Keep", minimum=1, precision=0), file_input(label="Groups")
        songs = file_input(label="Songs", file_count="multiple")
        describe_file_list(songs, groups.api_info())
        self._queued(self.score, self._requests.check_score, [song, judge])
        one_maker = gr.Checkbox(True, label="Both by one maker")
        self._queued(self.compare, self._requests.check_compare, [a, b, judge, one_maker])
        parts = gr.Checkbox(False, label="Leave out each part instead")
        self._queued(self.what_if, self._check_what_if, [song, ranker, parts], WHAT_IF)
        self._queued(self.rank, self._requests.check_rank, [songs, ranker, by, keep, groups])
        gr.api(self.leaderboard, queue=False)  # type: ignore[attr-defined]
        gr.api(self.judges, queue=False)  # type: ignore[attr-defined]

    def _queued(self, work: Any, admit: Any, given: list[Any], limit: dict[str, Any] = SCORE) -> None:
        """Add an endpoint that shares the `limit` of the pages' events and refuses requests for the same reasons."""
        gr.Button().click(
            work,
            given,
            gr.JSON(label="Answer"),
            validator=admit,
            api_name=work.__name__,
            **limit,
        )

    def score(self, song: str, judge: str = BEST) -> dict[str, Any]:
        """Score a song: what a judge, a model of music taste, predicts that listeners make of it, as a whole and for
        every 30 seconds. A score is a prediction; null where the judge has none, with the reason under "missing".

        Args:
            song: The song: an upload, by its path or, for tools, its address. It is deleted minutes later.
            judge: "best" for the most trusted judge that is ready, the name of one, or "panel" for all of them.
        """
        *_, last = self._requests.score(song, judge)
        found = result(last)
        return rounded(passages.as_dict(found) if isinstance(found, Report) else found.as_dict())

    def _check_what_if(self, song: str | None, judge: str, parts: bool) -> list[Any]:
        return [*self._requests.check_what_if(song, judge), gr.validate(True, "")]

    def what_if(self, song: str, judge: str = BEST, parts: bool = False) -> dict[str, Any]:
        """Try a dozen changes on a song, such as louder, brighter or no silence: how far each one moves every score,
        against the noise floor, the furthest that harmless changes move it. It takes about 20 times as long as scoring.

        Args:
            song: The song: an upload, by its path or, for tools, its address. It is deleted minutes later.
            judge: "best" for the most trusted judge that is ready, or the name of one.
            parts: Leave out each part of the song instead, for judges that hear a song as a whole.
        """
        *_, last = self._requests.what_if(song, judge, parts)
        assert last.result is not None
        return rounded(last.result.as_dict())

    def compare(self, a: str, b: str, judge: str = BEST, one_maker: bool = True) -> dict[str, Any]:
        """Compare two songs: the probability that people prefer A to B, its interval, what spoke for which song, how
        often such answers were right, and both reports.

        Args:
            a: Song A: an upload, by its path or, for tools, its address. Both are deleted minutes later.
            b: Song B, likewise.
            judge: "best" for the most trusted judge that is ready, the name of one, or "panel" for all of them.
            one_maker: Whether both songs are by the same generator or artist, such as two takes of one song.
        """
        *_, answer = self._requests.compare(CompareRequest(Path(a), Path(b), judge, one_maker=one_maker))
        assert not isinstance(answer, CompareProgress)
        return answer.as_dict()

    def rank(
        self,
        songs: list[str],
        judge: str = BEST,
        by: str = PREFERENCE,
        keep: int = KEEP,
        groups: str | None = None,
    ) -> dict[str, Any]:
        """Rank many songs, the best first, with how sure their places are. A file that cannot be scored is in the
        answer with its reason.

        Args:
            songs: Uploads, by path or, for tools, by address: songs, or zips of songs. They are deleted afterwards.
            judge: "best" for the most trusted judge that is ready, or the name of one.
            by: "preference" for what people would pick, or the key of a score, such as "likes".
            keep: How many are kept.
            groups: If you like, an uploaded csv with the columns file and group.
        """
        request = rank_request(songs, judge, by, keep, groups)
        scratch = self._requests.hold_ranking(request)
        try:
            *_, last = self._requests.rank(request, scratch)
            assert isinstance(last, RankingProgress)
            return rounded(last.ranking.as_dict())
        finally:
            self._requests.release_ranking(request, scratch)

    def leaderboard(self, board: str = "") -> dict[str, Any]:
        """How songs, generators and judges stand by people's votes in the arena. A rating is the chance to be preferred
        to an average song, with its 95% interval; agreement is how often the judges predicted a vote.

        Args:
            board: Nothing for all songs, or a name from "boards" in that answer, such as "genre: rock": then only votes
                on two songs of that kind count, for the ratings alone.
        """
        title = tr("Error")
        try:
            found = self._leaderboard.board(board)
        except ApexSpaceError as error:
            raise gr.Error(translate(str(error)), title=title, print_exception=False) from error
        if found is None:
            busy = tr("The ratings of this board are being computed. Try again in a few seconds.")
            raise gr.Error(busy, title=title, print_exception=False)
        return found.as_dict()

    def judges(self) -> list[dict[str, Any]]:
        """All judges, the most trusted first: what each one is, the licence of its weights, its state (ready; loading;
        absent; or idle, to be loaded when it is first asked) and its axes, the scores that it gives; null until it was
        loaded."""
        loaded = {judge.name: judge for judge in self._requests.manager.loaded()}
        weights = {name: judge.weights for name, judge in loaded.items()}
        states = self._requests.manager.states()
        return [
            {
                "judge": name,
                "title": entry.title,
                "summary": verified.summary(name, weights.get(name)),
                "licence": verified.licence(name, weights.get(name)),
                "state": states[name],
                "axes": list(loaded[name].head.axes) if name in loaded else None,
            }
            for name, entry in REGISTRY.items()
        ]
