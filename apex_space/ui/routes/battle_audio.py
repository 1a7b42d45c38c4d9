"""Serves the two songs of a battle over HTTP without revealing which songs they are."""

from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from ...arena.battles import Arena
from ...core.errors import ArenaError, StoreError, UnknownBattle
from ...core.i18n import tr, translate

NOT_KEPT = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def audio_route(arena: Arena) -> Route:
    """Return the route `/arena/audio/{battle}/{a or b}.mp3` for `launch(app_kwargs={"routes": [...]})`.

    It also serves ranges. The answer's ETag and date belong to the battle, not to the file, so that two battles with
    the same song do not reveal it.
    """

    def audio(request: Request) -> Response:
        battle, side = request.path_params["battle"], request.path_params["side"]
        try:
            path = arena.audio(battle, side)
            found = path.stat()
        except (ArenaError, OSError) as error:
            gone = tr("This song is no longer here. Take the next battle.")
            text = translate(str(error)) if isinstance(error, ArenaError) else gone
            return PlainTextResponse(text, _status(error), NOT_KEPT)
        stamps = {"etag": f'"{battle}-{side}"', "last-modified": formatdate(0, usegmt=True)}
        return FileResponse(path, headers=NOT_KEPT | stamps, media_type="audio/mpeg", stat_result=found)

    return Route("/arena/audio/{battle}/{side}.mp3", audio)


def _status(error: Exception) -> int:
    if isinstance(error, StoreError):
        return 503
    return 404 if isinstance(error, UnknownBattle) else 410
