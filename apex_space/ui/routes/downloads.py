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
from ...arena.leaderboard import LeaderboardService
from ...arena.leaderboard_csv import to_csv
from ...core.errors import StoreError
from ...core.i18n import tr, translate
from ...judges.report import to_json
from ...storage.vote_rows import DAY, print_public_csv, print_public_jsonl, public_rows

BLOCK = 65_536


class _Files:
    """Keeps the bytes of each file. They are made again only if they can have changed, and only one file at a time."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, bytes]] = {}
        self._making = threading.Lock()

    def get(self, name: str, version: object, make: Callable[[], str]) -> bytes | None:
        """Return the file of that version. Return None while another request has a file made."""
        if self._made.get(name, (None,))[0] != version:
            if not self._making.acquire(blocking=False):
                return None
            try:
                self._made[name] = version, make().encode()
            finally:
                self._making.release()
        return self._made[name][1]


def download_routes(leaderboard: LeaderboardService, clock: Callable[[], float] = time.time) -> list[Route]:
    """Return the routes of four files for `launch(app_kwargs={"routes": [...]})`.

    The votes are those of the days (UTC) that are over, so that the files change once a day. They hold nothing about
    voters, and nothing by which a visitor could find out whether their vote counts: no address, no hash, no time, no
    battle. Votes on visitors' own songs and suspicious votes are left out, and so are all but the newest MAX_VOTES.
    """
    files = _Files()

    def votes(print_rows: Callable[..., None]) -> str:
        text = io.StringIO(newline="")
        print_rows(text, public_rows(leaderboard.votes(before=clock() // DAY * DAY)))
        return text.getvalue()

    def route(name: str, media_type: str, version: Callable[[], object], make: Callable[[], str]) -> Route:
        def answer(request: Request) -> Response:
            try:
                content = files.get(name, version(), make)
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

    def standing() -> object:
        return leaderboard.latest().state

    def today() -> int:
        return int(clock() // DAY)

    return [
        route("leaderboard.csv", "text/csv", standing, lambda: to_csv(leaderboard.latest())),
        route("leaderboard.json", "application/json", standing, lambda: _json(leaderboard)),
        route("votes.csv", "text/csv", today, lambda: votes(print_public_csv)),
        route("votes.jsonl", "application/jsonl", today, lambda: votes(print_public_jsonl)),
    ]


def _json(leaderboard: LeaderboardService) -> str:
    now = leaderboard.latest()
    made = datetime.fromtimestamp(now.at, UTC).isoformat(timespec="seconds") if now.at else ""
    return to_json({"version": __version__, "made": made} | now.as_dict() | {"at": int(now.at)})
