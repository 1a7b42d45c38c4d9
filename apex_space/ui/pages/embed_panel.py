"""The panel at the foot of each page. It writes the snippet that embeds a page elsewhere."""

import gradio as gr

from ...core.i18n import languages
from ...plots.card import SITE
from ..routes.embed import MAIN, MAIN_NAME
from ..static_files import read_static

HEAD = f"<script>{read_static('embedded.js')}</script>"
"""Script for what is shown on a foreign page. For a view alone, it makes style.css hide what surrounds the page."""
FRAMED = ["arena"]
"""Pages that work in an iframe alone: for the browser, what a gradio-app does is done by the page around it."""
TEXTS = {
    "what": "Show one of these pages on a page of yours. It needs no cookie and no storage of its visitors' browsers.",
    "page": "Page",
    "theme": "Theme",
    "system": "Auto: as the visitor's system",
    "light": "Light",
    "dark": "Dark",
    "language": "Language",
    "browser": "Auto: as the visitor's browser",
    "height": "Height in pixels",
    "fits": "The iframe becomes as high as its content. Where a page removes scripts, it keeps this height.",
    "form": "Form",
    "frame": "iframe: works everywhere",
    "element": "gradio-app: part of your page (not the arena)",
    "snippet": "Snippet",
    "copy": "Copy",
    "copied": "Copied.",
    "selected": "Selected: press Ctrl+C or ⌘C.",
    "preview": "Preview",
    "previewed": "Preview of the snippet",
}


def embed_panel() -> None:
    """Add the panel with the snippet that shows this page, or any other one, on another site."""
    with gr.Accordion("Embed", open=False, elem_id="embed"):
        gr.HTML(
            html_template=read_static("embed.html"),
            css_template=read_static("embed.css"),
            js_on_load=read_static("embed.js"),
            apply_default_css=False,
            site=SITE,
            main=MAIN,
            mainName=MAIN_NAME,
            framed=FRAMED,
            texts=TEXTS,
            languages=[{"tag": tag, "name": name} for tag, name in languages().items()],
        )
