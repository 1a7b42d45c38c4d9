"""Serves the leaderboard and the votes behind it as files for everybody."""

import io
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ... import __version__
from ...arena.leaderboard import LeaderboardService, LeaderboardSnapshot
from ...arena.leaderboard_csv import to_csv
from ...core.errors import StoreError, UnknownBoard
from ...core.i18n import tr, translate
from ...judges.report import to_json
from ...storage.identity import DAY
from ...storage.vote_rows import print_public_csv, print_public_jsonl, public_rows

BLOCK = 65_536


class _Files:
    """Keeps the bytes of each file. They are made again only if they can have changed, and only one file at a time."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, bytes]] = {}
        self._making = threading.Lock()

    def get(self, name: str, version: object, make: Callable[[], str]) -> bytes | None:
        """Return the file of that version. Return None while another request has a file made."""
        made = self._made.get(name)
        if made is None or made[0] != version:
            if not self._making.acquire(blocking=False):
                return None
            try:
                made = self._made[name] = version, make().encode()
            finally:
                self._making.release()
        return made[1]


def download_routes(leaderboard: LeaderboardService, clock: Callable[[], float] = time.time) -> list[Route]:
    """Return the routes of four files for `launch(app_kwargs={"routes": [...]})`.

    Those of the leaderboard take a board's name, such as `?board=genre: rock`.

    The votes are those of the days (UTC) that are over, so that the files change once a day. They hold nothing about
    voters, and nothing by which a visitor could find out whether their vote counts: no address, no hash, no time, no
    battle. Votes on visitors' own songs and suspicious votes are left out, and so are all but the newest MAX_VOTES.
    """
    files = _Files()

    def votes(print_rows: Callable[..., None]) -> str:
        text = io.StringIO(newline="")
        print_rows(text, public_rows(leaderboard.votes(before=clock() // DAY * DAY)))
        return text.getvalue()

    def file_of_votes(name: str, print_rows: Callable[..., None]) -> bytes | None:
        return files.get(name, int(clock() // DAY), lambda: votes(print_rows))

    def file_of_board(name: str, board: str, write: Callable[[LeaderboardSnapshot], str]) -> bytes | None:
        now = leaderboard.board(board)
        place = f"{name}?board" if now and now.kind else name  # of all kinds' boards, the last file is kept
        return files.get(place, (now.board, now.state), lambda: write(now)) if now else None

    def route(name: str, media_type: str, get: Callable[[str], bytes | None]) -> Route:
        def answer(request: Request) -> Response:
            try:
                content = get(request.query_params.get("board", ""))
            except UnknownBoard as error:
                return PlainTextResponse(translate(str(error)), 404)
            except StoreError as error:
                return PlainTextResponse(translate(str(error)), 503)
            if content is None:
                busy = tr("This file is being written. Try again in a few seconds.")
                return PlainTextResponse(busy, 503, {"retry-after": "5"})
            blocks = (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
            headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(len(content))}
            headers |= {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
            return StreamingResponse(blocks, headers=headers, media_type=media_type)

        return Route(f"/{name}", answer)

    return [
        route("leaderboard.csv", "text/csv", lambda board: file_of_board("leaderboard.csv", board, to_csv)),
        route("leaderboard.json", "application/json", lambda board: file_of_board("leaderboard.json", board, _json)),
        route("votes.csv", "text/csv", lambda _: file_of_votes("votes.csv", print_public_csv)),
        route("votes.jsonl", "application/jsonl", lambda _: file_of_votes("votes.jsonl", print_public_jsonl)),
    ]


def _json(now: LeaderboardSnapshot) -> str:
    made = datetime.fromtimestamp(now.at, UTC).isoformat(timespec="seconds") if now.at else ""
    return to_json({"version": __version__, "made": made} | now.as_dict() | {"at": int(now.at)})
