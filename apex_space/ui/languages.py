"""Which language a visitor reads, and the pages in it.

`?lang=zh-CN` in a page's address says so, or a path that begins with `/zh-CN/`, or else the browser's own wish. No
cookie is needed: links on a page that was asked for in a language lead on in it.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gradio as gr
from gradio import routes
from jinja2 import FileSystemLoader, FunctionLoader
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..language import ENGLISH, best_of, language, languages, said, speaking

HEAD = f"<script>{(Path(__file__).parent / 'languages.js').read_text(encoding='utf-8')}</script>"
GRADIOS = (
    "Error",
    "File(s) exceed the maximum allowed size of {size}: {files}",
    "Connection errored out.",
    "Connection Lost",
    "Connection to the server was lost. Attempting reconnection...",
    "Could not parse server response: {error}",
    "Close",
    "Upload file",
    "Record audio",
    "Remove this file",
    "Click to upload or drop files",
    "Gradio footer navigation",
    "Copy",
    "Adjust volume",
    "Adjust playback speed to {speed}x",
    "Skip backwards by {seconds} seconds",
    "Skip forward by {seconds} seconds",
)
"""What Gradio says in English alone; the page's script replaces it."""
TEMPLATES = FileSystemLoader(Path(gr.__file__).parent / "templates")
NOT_TEXT = {
    "elem_id",
    "elem_classes",
    "name",
    "type",
    "main",
    "html_template",
    "js_on_load",
    "css_template",
    "server_fns",
}
"""Properties of components that nobody reads."""


def adapt_template(more: str = "") -> None:
    """For all pages of this process: Gradio's template says that they are English, and what `launch(head=...)` adds to
    it comes when Gradio's own texts have been chosen, and to foreign pages, too. `more` of it is for ours alone."""
    environment, spoken = routes.templates.env, f"{{{{ config.language or '{ENGLISH}' }}}}"

    def adapted(name: str) -> str:
        text, *_ = TEMPLATES.get_source(environment, name)
        return text.replace('lang="en"', f'lang="{spoken}"', 1).replace("</head>", f"{HEAD}{more}</head>", 1)

    environment.loader = FunctionLoader(adapted)


class Languages:
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


class Pages(gr.Blocks):
    """Pages that were built once, in English, and are served in every language."""

    def __init__(self, **options: Any) -> None:
        self._spoken: dict[str, Any] = {}
        super().__init__(**options)

    @property
    def config(self) -> Any:
        """What the browser builds the pages from."""
        tag = language()
        if tag not in self._spoken:
            words = {text: said(text) for text in GRADIOS}
            self._spoken[tag] = _translated(self._spoken[ENGLISH]) | {"language": tag, "words": words}
        return self._spoken[tag]

    @config.setter
    def config(self, config: Any) -> None:
        self._spoken = {ENGLISH: config}

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:
        """For programs, in English: it is made once, for all."""
        with speaking(ENGLISH):
            return super().get_api_info(all_endpoints, page)


def switch(path: str) -> str:
    """Links to the page at `path` in each language."""
    links = (
        f'<a href="{path or "./"}?lang={tag}" lang="{tag}" hreflang="{tag}">{n}</a>' for tag, n in languages().items()
    )
    return f'<nav aria-label="Language">{" ".join(links)}</nav>'


def _translated(config: dict[str, Any]) -> dict[str, Any]:
    components = [each | {"props": _props(each["props"])} for each in config["components"]]
    pages = [[path, said(name), *more] for path, name, *more in config["pages"]]
    return config | {"components": components, "pages": pages, "title": said(config["title"])}


def _props(props: Any, key: str = "") -> Any:
    """Every text that people read; of a choice its label, not the value that stands for it."""
    if isinstance(props, str):
        return said(props)
    if isinstance(props, dict):
        kept = {*NOT_TEXT, "value"} if "choices" in props else NOT_TEXT
        return {name: value if name in kept else _props(value, name) for name, value in props.items()}
    if key == "choices":
        return [(said(label), value) for label, value in props]
    return [_props(each) for each in props] if isinstance(props, list) else props
