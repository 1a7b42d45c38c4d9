"""The Arena page: two songs without names and a vote. After it, the names and the judges' predictions are shown."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ...arena.agreement import AgreementReport
from ...arena.battles import UNDO_SECONDS, Arena
from ...arena.leaderboard import LeaderboardService
from ...arena.taste import MIN_OWN, against_judges
from ...core.errors import (
    AlreadyVoted,
    ApexSpaceError,
    BattleExpired,
    BattleStale,
    NotEnoughSongs,
    StoreError,
    UnknownBattle,
)
from ...core.i18n import tr, translate
from ...core.settings import settings
from ...core.text import sanitize
from ...storage.records import Battle, Vote
from .. import render
from ..proxies import address, is_from_elsewhere
from ..render import taste as render_taste
from ..render.arena import TAGS
from ..render.reveal import foreseen, kept, offered, reveal
from ..static_files import read_static
from ..translation import fill
from ..uploads import Uploads
from . import inputs

logger = logging.getLogger(__name__)
LEAD = """# Which song do you prefer?
Listen to at least {seconds:g} seconds of each song, then vote. After your vote you see what the songs are, and
which one the judges expected you to prefer."""
OWN = (
    "Upload two songs of up to {minutes:g} minutes and {megabytes:g} MB each. You hear them blind, too. Your uploads "
    "stay on the server for {grace}, so that you can repeat the battle. What you hear is deleted with your vote, after "
    "an hour at the latest. The vote, the songs’ hashes and their scores are kept."
)
SCRIPTS = ("battle_players.js", "battle_status.js", "battle_after.js", "battle_taste.js", "battle.js")
"""Files of the battle's script, in this order."""
VOTES = (("a", "A", "A is better"), ("b", "B", "B is better"), ("tie", "T", "Tie"), ("both_bad", "X", "Both bad"))
SAYINGS = {
    "song": "Song {side}",
    "play": "Play song {side}",
    "pause": "Pause song {side}",
    "seek": "Position in song {side}",
}
SIDES = [{"side": side} | {name: fill(text, side=side) for name, text in SAYINGS.items()} for side in "AB"]
TEXTS = {
    "vote": "Your vote",
    "together": "Switch at the same place: the other song goes on where this one is.",
    "space": "Space",
    "keys": "Keys",
    "toggle": "play or pause; once a song is heard, it goes on to the other.",
    "arrows": "play A or B.",
    "restart": "start the song again.",
    "foreseen_one": "{judge} foresaw {right} of your 1 vote for A or B.",
    "foreseen": "{judge} foresaw {right} of your {n} votes for A or B.",
    "skip": "Skip",
    "next": "Next battle",
    "undo": "Take the vote back",
    "seconds_left": "{n} s",
    "begin": "Play both songs. Your vote opens after {seconds} seconds of each.",
    "one_heard": "Song {heard} is heard. Now song {next}.",
    "both_heard": "Both heard: which do you prefer?",
    "too_early": "Not yet: listen to song {side} first.",
    "seconds": "{n} of {all} s heard",
    "heard": "heard",
    "unplayable": "Song {side} cannot be played: {reason}",
    "unloaded": "Song {side} cannot be played. {reason}",
    "connection": "It did not load; check your connection.",
    "why": "Why? What you choose here is kept with your vote when you go on.",
    "taste": "Your taste",
    "votes_left_one": "Your taste: 1 more vote, and your votes say something about it.",
    "votes_left": "Your taste: {n} more votes, and your votes say something about it.",
    "drawing": "Drawing two songs …",
    "making": "Your own battle is being made …",
    "recording": "Recording your vote …",
    "unanswered": "The server did not answer. Check your connection and try again.",
}
"""Texts of the battle's template and script."""
ELSEWHERE = (
    "Votes are not taken from a page of another site, which could vote in your name. Show the arena in an iframe, or "
    "open it at its own address."
)
OVER = (UnknownBattle, BattleExpired, BattleStale, AlreadyVoted)
"""Errors after which no vote for this battle can count any more."""

NOT_MADE = {"making": False}
"""What the battle on the page is told if there will be none of the visitor's own songs."""

Answer = dict[str, Any]


class ArenaPage:
    """Components and events. The browser gets only a battle's id; `arena` keeps everything else until the vote."""

    def __init__(self, arena: Arena, uploads: Uploads, leaderboard: LeaderboardService) -> None:
        self._arena, self._uploads, self._leaderboard = arena, uploads, leaderboard
        gr.Markdown(fill(LEAD, seconds=settings().listening_seconds))
        self.battle = gr.HTML(
            html_template=read_static("battle.html"),
            css_template=read_static("battle.css"),
            js_on_load="\n".join(map(read_static, SCRIPTS)),
            server_functions=self._functions(),
            apply_default_css=False,
            elem_id="battle",
            sides=SIDES,
            texts=TEXTS,
            votes=[dict(zip(("winner", "key", "label"), vote, strict=True)) for vote in VOTES],
            tags=[{"name": tag, "key": str(key), "label": label} for key, (tag, label) in enumerate(TAGS.items(), 1)],
            listen=settings().listening_seconds,
            undo=UNDO_SECONDS,
            enough=MIN_OWN,
        )
        with gr.Accordion("Your own two songs", open=False, elem_id="own-songs"):
            self._own_songs()

    def _own_songs(self) -> None:
        config = settings()
        inputs.file_checks()
        gr.Markdown(fill(OWN, minutes=config.max_minutes, megabytes=config.max_megabytes, grace=inputs.kept_for()))
        with gr.Row():
            songs = [inputs.song(f"Your {place} song", f"own-{place}") for place in ("first", "second")]
        start = gr.Button("Make it a battle", variant="primary")
        note = gr.HTML()
        made = start.click(
            self._own,
            inputs=songs,
            outputs=[self.battle, note],
            validator=self._admit,
            show_progress_on=note,
            api_visibility="private",
        )
        made.failure(None, outputs=self.battle, js=f"() => ({json.dumps(NOT_MADE)})", api_visibility="private")
        self.battle.clear(None, outputs=note, js="() => ''", api_visibility="private")

    def _functions(self) -> list[Callable[..., Answer]]:
        """Return the functions that the page's script may call. Gradio needs plain functions and uses their names."""

        def issue(_: Any, request: gr.Request) -> Answer:
            if is_from_elsewhere(request):
                return {"refused": tr(ELSEWHERE)}
            try:
                return _issued(self._arena.next(address(request)))
            except ApexSpaceError as error:
                return {"refused": translate(str(error)), "waiting": isinstance(error, NotEnoughSongs)}

        def vote(data: Any, request: gr.Request) -> Answer:
            return _answered(data, request, self._vote)

        def why(data: Any, request: gr.Request) -> Answer:
            return _answered(data, request, self._explain)

        def undo(data: Any, request: gr.Request) -> Answer:
            return _answered(data, request, self._withdraw)

        def taste(data: Any, request: gr.Request) -> Answer:
            return _answered(data, request, self._taste)

        def card(data: Any, request: gr.Request) -> Answer:
            return _answered(data, request, self._card)

        return [issue, vote, why, undo, taste, card]

    def _vote(self, sent: Any, visitor: str) -> Answer:
        cast = self._arena.vote(sent.get("battle"), sent.get("winner"), sent.get("heard"), visitor)
        licences = self._arena.pool.licences(cast.battle)
        shown = reveal(self._arena.named(cast), self._agreement(cast), licences)
        gone = cast.battle.source == "uploaded"
        said = {"said": offered(cast.winner, UNDO_SECONDS), "later": kept(cast.winner)}
        return {**said, "reveal": shown, "judges": foreseen(cast), "gone": gone}

    def _explain(self, sent: Any, visitor: str) -> Answer:
        self._arena.explain(sent.get("battle"), sent.get("tags"), visitor)
        return {}

    def _withdraw(self, sent: Any, visitor: str) -> Answer:
        self._arena.withdraw(sent.get("battle"), visitor)
        return {"said": tr("Your vote is withdrawn. It counts for nothing.")}

    def _taste(self, sent: Any, visitor: str) -> Answer:
        now = self._leaderboard.latest()
        votes = self._arena.cast(sent.get("battles"), visitor)
        found = self._arena.taste(votes, {row.key: row for row in now.songs}, now.at)
        if found.votes < MIN_OWN:
            return {
                "refused": tr("The server no longer knows your votes."),
                "known": [vote.battle.id for vote in votes],
            }
        return {"shown": render_taste.taste(found)}

    def _card(self, sent: Any, visitor: str) -> Answer:
        votes = self._arena.cast(sent.get("battles"), visitor)
        return {"shown": render_taste.card(against_judges(votes), len(votes))}

    def _agreement(self, cast: Vote) -> AgreementReport | None:
        """Return the judges' record with this vote; None if it cannot be read now, because the vote counts anyway."""
        try:
            return self._arena.agreement(cast)
        except StoreError:
            logger.exception("the judges' record for a reveal")
            return None

    def _admit(self, *songs: str | None) -> list[dict[str, Any]]:
        """Check and claim the songs before the queue, so that nothing deletes a song while it waits."""
        refusals = [_why_not(song) for song in songs]
        if not any(refusals):
            for song in songs:
                self._uploads.claim(str(song))
        return [gr.validate(not refusal, refusal) for refusal in refusals]

    def _own(self, first: str, second: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Make a battle of a visitor's songs. Yields what the battle shows, and a note: first that it is locked."""
        yield {"making": True}, ""
        try:
            names = (
                tr("Your first song, {name}", name=sanitize(Path(first).stem)),
                tr("Your second song, {name}", name=sanitize(Path(second).stem)),
            )
            battle = self._arena.issue_uploaded(address(request), Path(first), Path(second), names=names)
        except ApexSpaceError as error:
            yield NOT_MADE, render.note(translate(str(error)), "error")
            return
        yield _issued(battle), ""


def _why_not(song: str | None) -> str:
    """Return why there can be no battle with this song, or an empty text."""
    if not song:
        return tr("Choose a song.")
    return "" if Path(song).is_file() else tr("This song was deleted after scoring. Drop it again.")


def _answered(data: Any, request: gr.Request, answer: Callable[[Any, str], Answer]) -> Answer:
    """Return the answer to what the page's script sent, or why it is refused."""
    if is_from_elsewhere(request):
        return {"refused": tr(ELSEWHERE)}
    try:
        return answer(data if isinstance(data, dict) else {}, address(request))
    except ApexSpaceError as error:
        return {"refused": translate(str(error)), "over": isinstance(error, OVER)}


def _issued(battle: Battle) -> Answer:
    return {"battle": battle.id, "takes": battle.takes}
