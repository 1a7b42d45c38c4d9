"""Which language a visitor reads, and the pages in it.

`?lang=zh-CN` in a page's address says so, or a path that begins with `/zh-CN/`, or else the browser's own wish. No
cookie is needed: links on a page that was asked for in a language lead on in it.
"""

from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import best_of, languages, speaking


class LanguageMiddleware:
    """Middleware that finds out which language is spoken during a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        in_path = _leading(scope)
        tag = _asked(scope, in_path)
        scope.setdefault("state", {})["language"] = tag

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"vary", b"accept-language")]
            await send(message)

        with speaking(tag):
            await self._app(scope, receive, answer)


def _leading(scope: Scope) -> str:
    """The language that the path begins with, which is taken off; or nothing. For those on a foreign page, which their
    requests name as where they come from."""
    root = scope.get("root_path", "")
    first = scope["path"].removeprefix(root).strip("/").split("/")[0]
    if first not in languages():
        return ""
    scope["root_path"] = f"{root}/{first}"
    return str(first)


def _asked(scope: Scope, in_path: str) -> str:
    """Of the page's address, which its own requests name as where they come from; or of the browser."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    page = urlsplit(headers.get(b"referer", ""))
    queries = scope["query_string"].decode("latin-1"), page.query if page.netloc == headers.get(b"host") else ""
    named = [parse_qs(query).get("lang", [""])[0] for query in queries]
    return next((tag for tag in (*named, in_path) if tag in languages()), best_of(headers.get(b"accept-language", "")))
