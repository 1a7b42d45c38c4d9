"""Builds the pages, and defines how they look and how they are served."""

from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from ..arena.battles import Arena
from ..arena.friends import FriendBattles
from ..arena.leaderboard import LeaderboardService
from ..arena.pool_sources import EXAMPLES
from ..core.settings import settings
from ..judges.manager import JudgeManager
from ..plots.card import SITE
from ..storage.shared_results import SharedResults
from .api import Api
from .connections import close_idle_connections
from .gradio_patches import (
    KnownBlocks,
    UnknownSessions,
    adapt_sessions,
    adapt_template,
    adapt_tools,
    fetch_nothing,
    keep_queue_going,
    know_functions,
    one_app,
    serve_ranges,
    server_name,
    status_route,
    take_only_files,
)
from .middleware.backpressure import Backpressure
from .middleware.body_limit import BodyLimit, invalid
from .middleware.compression import CompressPages
from .middleware.language import LanguageMiddleware
from .middleware.request_logging import RequestLog
from .middleware.security_headers import SecurityHeaders
from .pages.about import AboutPage
from .pages.arena import ArenaPage
from .pages.compare import ComparePage
from .pages.embed_panel import HEAD, embed_panel
from .pages.inputs import AT_ONCE
from .pages.leaderboard import LeaderboardPage
from .pages.rank import RankPage
from .pages.score import ScorePage
from .previews import HEAD as PREVIEW_HEAD
from .previews import preview_route
from .proxies import TrustedHost
from .requests import Requests
from .routes.assets import asset_route
from .routes.battle_audio import audio_route
from .routes.blocked import closed_routes
from .routes.downloads import download_routes
from .routes.embed import MAIN_NAME, embedding
from .routes.friend_battle import FriendBattleRoutes
from .routes.health import health_route
from .routes.not_found import not_found
from .routes.shared_result import SharedResultRoutes
from .static_files import read_static
from .theme import HEAD as LOOKS
from .theme import ICON, LOGO, WORDS, theme
from .tool_outputs import OUTPUTS
from .translation import LANGUAGE_HEAD, TranslatedBlocks, switch
from .uploads import Uploads

LEAD = """# APEX Space
Models of music taste score your song: two popularity scores and five aesthetic scores, segment by segment.
[**Vote in the arena**](arena): listen to two songs blind, pick one, and see whether the judges predicted your
choice."""
MAX_QUEUE = 50


def build_pages(
    manager: JudgeManager,
    arena: Arena,
    leaderboard: LeaderboardService,
    results: SharedResults,
    friends: FriendBattles,
    uploads: Uploads,
) -> gr.Blocks:
    """Build all pages."""
    keep_queue_going()
    take_only_files()
    gr.set_static_paths([EXAMPLES])
    with one_app():
        blocks = _pages(manager, arena, leaderboard, results, friends, uploads)
    blocks.blocks = KnownBlocks(blocks.blocks)
    blocks.queue(default_concurrency_limit=1, max_size=MAX_QUEUE, api_open=False)
    return blocks


def _pages(
    manager: JudgeManager,
    arena: Arena,
    leaderboard: LeaderboardService,
    results: SharedResults,
    friends: FriendBattles,
    uploads: Uploads,
) -> gr.Blocks:
    requests = Requests(manager, uploads, arena.model)
    with TranslatedBlocks(title=SITE, analytics_enabled=False) as blocks:
        _links()
        gr.Markdown(LEAD, elem_id="lead")
        ScorePage(requests, results)
        embed_panel()
    with blocks.route("Rank", "/rank"):
        _links("rank")
        RankPage(requests)
        embed_panel()
    with blocks.route("Compare", "/compare"):
        _links("compare")
        ComparePage(requests, arena.pool, friends)
        embed_panel()
    with blocks.route("Arena", "/arena"):
        _links("arena")
        ArenaPage(arena, uploads, leaderboard)
        embed_panel()
    with blocks.route("Leaderboard", "/leaderboard"):
        _links("leaderboard")
        LeaderboardPage(leaderboard)
        embed_panel()
    with blocks.route("About", "/about"):
        _links("about")
        AboutPage(manager, MAX_QUEUE)
        embed_panel()
    with blocks:
        Api(requests, leaderboard)
    return blocks


def _links(path: str = "") -> None:
    """Add the links at the top of a page: to all pages, and to the same page in other languages."""
    gr.Navbar(main_page_name=MAIN_NAME)  # type: ignore[attr-defined]
    gr.HTML(switch(path), elem_id="languages")


def launch_options(
    manager: JudgeManager,
    arena: Arena,
    leaderboard: LeaderboardService,
    results: SharedResults,
    friends: FriendBattles,
    uploads: Uploads,
) -> dict[str, Any]:
    """Patch Gradio, and return the options of `launch`.

    They set the theme, the limits, the routes (health, songs of battles, results, battles for friends, files,
    embedding), the middleware, and what is switched off.
    """
    close_idle_connections()
    fetch_nothing()
    serve_ranges()
    know_functions()
    adapt_tools(OUTPUTS)
    adapt_sessions()
    adapt_template(PREVIEW_HEAD, LANGUAGE_HEAD + ICON)
    embedded = embedding()
    routes = [health_route(manager, leaderboard.latest), audio_route(arena), *SharedResultRoutes(results).routes]
    routes += [
        *FriendBattleRoutes(friends).routes,
        *download_routes(leaderboard),
        preview_route(),
        status_route(),
        asset_route(),
        *embedded["routes"],
    ]
    middleware = [
        Middleware(RequestLog),
        Middleware(SecurityHeaders),
        Middleware(CompressPages),
        Middleware(LanguageMiddleware),
        Middleware(TrustedHost),
        Middleware(BodyLimit, uploads),
        Middleware(Backpressure),
        Middleware(UnknownSessions),
        *embedded["middleware"],
    ]
    return {
        "server_name": server_name(),
        "theme": theme(),
        "favicon_path": LOGO,
        "i18n": WORDS,
        "css": read_static("style.css"),
        "max_file_size": int(settings().max_megabytes * 1_000_000),
        "head": HEAD + LOOKS,
        "app_kwargs": {
            "routes": [*routes, *closed_routes()],
            "middleware": middleware,
            "openapi_url": None,
            "exception_handlers": {404: not_found}
            | dict.fromkeys((RequestValidationError, KeyError, TypeError), invalid),
        },
        "max_threads": 2 * AT_ONCE,  # half of them stay free while all waiting events check the song queue
        "footer_links": ["api"],
        "mcp_server": True,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
    }
