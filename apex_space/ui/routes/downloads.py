"""Serves the leaderboard and the votes behind it as files for everybody."""

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ... import __version__
from ...arena.leaderboard import LeaderboardService
from ...arena.leaderboard_csv import to_csv
from ...core.errors import StoreError
from ...core.i18n import tr, translate
from ...judges.report import to_json
from ...storage.vote_io import print_csv, print_jsonl
from ...storage.vote_rows import public_rows

AT_ONCE = 2
"""Maximum number of files that are written at once. Further requests are told to try again."""


def download_routes(leaderboard: LeaderboardService) -> list[Route]:
    """Return the routes of four files for `launch(app_kwargs={"routes": [...]})`.

    The files hold nothing about voters: no address, no hash, no exact time. Votes on visitors' own songs and suspicious
    votes are left out, and so are all but the newest MAX_VOTES.
    """
    writing = threading.Semaphore(AT_ONCE)

    def votes(write: Callable[..., None]) -> str:
        text = io.StringIO(newline="")
        write(text, public_rows(leaderboard.votes()))
        return text.getvalue()

    def route(name: str, media_type: str, make: Callable[[], str]) -> Route:
        def answer(request: Request) -> Response:
            if not writing.acquire(blocking=False):
                busy = tr("Many files are being written. Try again in a few seconds.")
                return PlainTextResponse(busy, 503, {"retry-after": "5"})
            try:
                headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-cache"}
                return Response(make(), 200, headers | {"x-content-type-options": "nosniff"}, media_type)
            except StoreError as error:
                return PlainTextResponse(translate(str(error)), 503)
            finally:
                writing.release()

        return Route(f"/{name}", answer)

    return [
        route("leaderboard.csv", "text/csv", lambda: to_csv(leaderboard.latest())),
        route("leaderboard.json", "application/json", lambda: _json(leaderboard)),
        route("votes.csv", "text/csv", lambda: votes(print_csv)),
        route("votes.jsonl", "application/jsonl", lambda: votes(print_jsonl)),
    ]


def _json(leaderboard: LeaderboardService) -> str:
    now = leaderboard.latest()
    made = datetime.fromtimestamp(now.at, UTC).isoformat(timespec="seconds") if now.at else ""
    return to_json({"version": __version__, "made": made} | now.as_dict() | {"at": int(now.at)})
