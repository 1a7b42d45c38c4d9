"""Finds the language of a visitor, and serves the pages in it.

The language comes from `?lang=zh-CN` in a page's address, or from a path that begins with `/zh-CN/`, or else from the
browser's settings. No cookie is needed: links on a page with `?lang=` lead to pages in the same language.
"""

from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import best_of, languages, use_language


class LanguageMiddleware:
    """Middleware that sets the language during a request."""

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

        with use_language(tag):
            await self._app(scope, receive, answer)


def _leading(scope: Scope) -> str:
    """Move a language at the beginning of the path to `root_path`, and return it. Without one, return an empty text.

    Pages that are embedded elsewhere need this: their requests name the foreign page in the Referer header.
    """
    root = scope.get("root_path", "")
    first = scope["path"].removeprefix(root).strip("/").split("/")[0]
    if first not in languages():
        return ""
    scope["root_path"] = f"{root}/{first}"
    return str(first)


def _asked(scope: Scope, in_path: str) -> str:
    """Return the language of the page's address, or else of the browser.

    The page's own requests name its address in the Referer header.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    try:
        page = urlsplit(headers.get(b"referer", ""))
    except ValueError:  # not an address
        page = urlsplit("")
    queries = scope["query_string"].decode("latin-1"), page.query if page.netloc == headers.get(b"host") else ""
    named = [parse_qs(query).get("lang", [""])[0] for query in queries]
    return next((tag for tag in (*named, in_path) if tag in languages()), best_of(headers.get(b"accept-language", "")))
