"""The pages, their looks and how they are served."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from ..arena.battles import Arena
from ..arena.pool import EXAMPLES
from ..arena.standings import Standings
from ..links import Links
from ..roster import Roster
from ..settings import settings
from .about import AboutPage
from .api import Api
from .arena import ArenaPage
from .audio_route import audio_route
from .compare import ComparePage
from .doors import closed_routes, fetch_nothing
from .embed import HEAD, MAIN_NAME, embed_panel, embedding
from .health import health_route
from .inputs import AT_ONCE
from .journal import RequestLog
from .languages import Languages, Pages, adapt_template, switch
from .leaderboard import LeaderboardPage
from .rank import RankPage
from .result_route import ResultRoutes
from .score import ScorePage
from .sessions import adapt_sessions
from .theme import HEAD as LOOKS
from .theme import ICON, LOGO, WORDS, theme
from .tools import adapt_tools
from .turnstile import Turnstile
from .uploads import Uploads

HERE = Path(__file__).parent
TITLE = "APEX Space"
LEAD = """# APEX Space
What a model of music taste makes of your song: two popularity scores, five aesthetic ones, segment by segment.
[**Vote in the arena**](arena): hear two songs blind, pick one, and see whether the judges knew."""
LEFTOVERS = (600, 3600)
"""Every 10 minutes, delete uploads older than an hour that were never scored."""
LONGEST_QUEUE = 50


def page(roster: Roster, arena: Arena, standings: Standings, links: Links) -> gr.Blocks:
    """All pages over the judges of `roster`, the battles of `arena`, the votes of `standings` and the results of
    `links`."""
    gr.set_static_paths([EXAMPLES])
    uploads = Uploads(Path(get_upload_folder()), settings().upload_grace_seconds)
    with Pages(title=TITLE, analytics_enabled=False, delete_cache=LEFTOVERS) as blocks:
        _links()
        gr.Markdown(LEAD, elem_id="lead")
        score = ScorePage(roster, uploads, links)
        embed_panel()
    with blocks.route("Rank", "/rank"):
        _links("rank")
        rank = RankPage(roster, uploads)
        embed_panel()
    with blocks.route("Compare", "/compare"):
        _links("compare")
        compare = ComparePage(roster, uploads, arena.pool)
        embed_panel()
    with blocks.route("Arena", "/arena"):
        _links("arena")
        ArenaPage(arena, standings, uploads)
        embed_panel()
    with blocks.route("Leaderboard", "/leaderboard"):
        _links("leaderboard")
        LeaderboardPage(standings)
        embed_panel()
    with blocks.route("About", "/about"):
        _links("about")
        AboutPage(roster, LONGEST_QUEUE)
        embed_panel()
    with blocks:
        Api((score, compare, rank), roster, standings)
    blocks.queue(default_concurrency_limit=1, max_size=LONGEST_QUEUE, api_open=False)
    return blocks


def _links(path: str = "") -> None:
    """The links to all pages, at the top of each, and to the same page in other languages."""
    gr.Navbar(main_page_name=MAIN_NAME)  # type: ignore[attr-defined]
    gr.HTML(switch(path), elem_id="languages")


def serving(roster: Roster, arena: Arena, links: Links) -> dict[str, Any]:
    """Options of `launch`: theme, limits, songs of battles, results, embedding, and what is switched off."""
    fetch_nothing()
    adapt_tools()
    adapt_sessions()
    adapt_template(ICON)
    embedded = embedding()
    routes = [health_route(roster), audio_route(arena), *ResultRoutes(links).routes, *embedded["routes"]]
    middleware = [Middleware(RequestLog), Middleware(Languages), Middleware(Turnstile), *embedded["middleware"]]
    return {
        "theme": theme(),
        "favicon_path": LOGO,
        "i18n": WORDS,
        "css_paths": HERE / "style.css",
        "max_file_size": int(settings().max_megabytes * 1_000_000),
        "head": HEAD + LOOKS,
        "app_kwargs": {"routes": [*routes, *closed_routes()], "middleware": middleware, "openapi_url": None},
        "max_threads": 2 * AT_ONCE,  # as many stay free while all that wait look at their line
        "footer_links": ["api"],
        "mcp_server": True,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
    }
