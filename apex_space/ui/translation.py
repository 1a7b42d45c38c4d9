"""Serves the pages in every language, although they are built only once, in English."""

from typing import Any

import gradio as gr

from ..core.i18n import ENGLISH, language, languages, translate, use_language
from ..core.text import Message, message
from .previews import previews
from .static_files import read_static

LANGUAGE_HEAD = f"<script>{read_static('languages.js')}</script>"
"""Script that shows Gradio's own texts in the language of the page."""
GRADIO_TEXTS = (
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
"""Texts that Gradio has only in English. The script languages.js replaces them."""
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
"""Properties of components that are not texts for people."""


_FILLED: dict[str, Message] = {}
"""Texts of the pages that have values, by their English form: Gradio keeps no more than that of a component's text."""


def fill(template: str, /, **values: Any) -> Message:
    """Return a text with values for a component. It is translated when the pages are served."""
    text = message(template, **values)
    _FILLED[str.strip(text)] = text
    return text


class TranslatedBlocks(gr.Blocks):
    """Pages that are built once, in English, and served in every language."""

    def __init__(self, **options: Any) -> None:
        self._spoken: dict[str, Any] = {}
        super().__init__(**options)

    @property
    def config(self) -> Any:
        """Return the configuration from which the browser builds the pages, in the current language."""
        tag = language()
        if tag not in self._spoken:
            words = {text: translate(text) for text in GRADIO_TEXTS}
            more = {"language": tag, "words": words, "previews": previews()}
            self._spoken[tag] = _translated(self._spoken[ENGLISH]) | more
        return self._spoken[tag]

    @config.setter
    def config(self, config: Any) -> None:
        with use_language(ENGLISH):
            self._spoken = {ENGLISH: config | {"previews": previews()}}

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:
        """Return the description of the endpoints in English, because Gradio makes it only once, for all visitors."""
        with use_language(ENGLISH):
            return super().get_api_info(all_endpoints, page)


def switch(path: str) -> str:
    """Return links to the page at `path` in each language."""
    links = (
        f'<a href="{path or "./"}?lang={tag}" lang="{tag}" hreflang="{tag}">{n}</a>' for tag, n in languages().items()
    )
    return fill('<nav aria-label="{label}">{links}</nav>', label="Language", links=" ".join(links))


def _translated(config: dict[str, Any]) -> dict[str, Any]:
    components = [each | {"props": _props(each["props"])} for each in config["components"]]
    pages = [[path, translate(name), *more] for path, name, *more in config["pages"]]
    return config | {"components": components, "pages": pages, "title": translate(config["title"])}


def _props(props: Any, key: str = "") -> Any:
    """Translate every text that people read. Of a choice, translate the label and keep the value."""
    if isinstance(props, str):
        return translate(_FILLED.get(props.strip(), props))
    if isinstance(props, dict):
        kept = {*NOT_TEXT, "value"} if "choices" in props else NOT_TEXT
        return {name: value if name in kept else _props(value, name) for name, value in props.items()}
    if key == "choices":
        return [(translate(_FILLED.get(label, label)), value) for label, value in props]
    return [_props(each) for each in props] if isinstance(props, list) else props
