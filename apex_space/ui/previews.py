"""What a link to each page shows where it is posted, and the page's title: a title, a sentence and a picture."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .. import plots
from ..core.i18n import tr, translate
from ..plots.card import HEIGHT, SITE, WIDTH, Fonts
from .routes.embed import MAIN

GRADIOS = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts" / "SourceSansPro"
CHINESE = ("wqy-microhei.ttc", "NotoSansCJK-Bold.ttc", "DroidSansFallbackFull.ttf", "msyhbd.ttc", "PingFang.ttc")
"""Fonts with Chinese letters of Debian, Windows and macOS. packages.txt and the Dockerfile install the first one."""
FONTS = Fonts(GRADIOS / "SourceSansPro-Regular.woff2", GRADIOS / "SourceSansPro-Bold.woff2", CHINESE)
"""Fonts of the pictures: one with Latin, Greek and Cyrillic letters, and for other letters what this system has."""
A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class Preview:
    """A page's title without the site's name, and a sentence about the page."""

    title: str
    sentence: str


PREVIEWS = {
    "": Preview(
        "What models of music taste make of your song",
        "Upload a song. See two popularity scores and five aesthetic scores, and how they change during the song.",
    ),
    "rank": Preview(
        "Keep the best of many songs",
        "Generate fifty songs and keep the best five. The ranking says how sure the order is.",
    ),
    "compare": Preview(
        "Which of two songs do people prefer?",
        "A prediction for your two songs, with its uncertainty and with what spoke for each song.",
    ),
    "arena": Preview(
        "Vote between two songs",
        "Listen to two songs blind and pick one. Then see whether the models predicted your choice.",
    ),
    "leaderboard": Preview(
        "Leaderboard of songs, generators and judges",
        "How songs and generators stand by people's votes, and how often each model predicted the votes.",
    ),
    "about": Preview(
        "About the judges",
        "What each model of music taste is, how far it can be trusted, and under which licence.",
    ),
}
"""Path of a page -> its preview."""
FRIENDS = Preview("Which of two songs is better?", "Two songs without names. Listen to both, and vote blind.")
"""The preview of a battle for friends: it is the same for all of them."""
PICTURES = PREVIEWS | {"b": FRIENDS}
HEAD = f"""
{{% set preview = config.previews[config.current_page] %}}
{{% set address = config.root ~ "/" ~ config.current_page %}}
{{% set picture = config.root ~ "/preview/" ~ (config.current_page or "{MAIN}") ~ ".png" %}}
{{% set changed = config.update(title=preview.title) %}}
<title>{{{{ preview.title }}}}</title>
<meta name="description" content="{{{{ preview.sentence }}}}">
<meta property="og:type" content="website">
<meta property="og:site_name" content="{SITE}">
<meta property="og:title" content="{{{{ preview.title }}}}">
<meta property="og:description" content="{{{{ preview.sentence }}}}">
<meta property="og:url" content="{{{{ address }}}}">
<meta property="og:image" content="{{{{ picture }}}}">
<meta property="og:image:width" content="{WIDTH}">
<meta property="og:image:height" content="{HEIGHT}">
<meta property="og:image:alt" content="{{{{ preview.title }}}}">
<meta name="twitter:card" content="summary_large_image">
"""
"""Template of a page's title and preview. Gradio's script takes the title from the configuration."""


def previews() -> dict[str, dict[str, str]]:
    """Return the pages' titles and sentences in the current language, as HEAD needs them."""
    return {
        path: {"title": f"{translate(preview.title)} · {SITE}", "sentence": translate(preview.sentence)}
        for path, preview in PREVIEWS.items()
    }


def preview_route() -> Route:
    """Return the route `/preview/{view}.png` for `launch(app_kwargs={"routes": [...]})`."""

    def picture(request: Request) -> Response:
        view: Any = request.path_params["view"]
        path = "" if view == MAIN else view
        if path not in PICTURES:
            return PlainTextResponse(tr("There is nothing here."), 404)
        return Response(_drawn(path), headers={"cache-control": A_DAY}, media_type="image/png")

    return Route("/preview/{view}.png", picture)


@cache
def _drawn(path: str) -> bytes:
    return plots.preview(PICTURES[path].title, PICTURES[path].sentence, FONTS)
