"""The pages, their looks and how they are served."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ..arena.battles import Arena
from ..arena.pool import EXAMPLES
from ..arena.standings import Standings
from ..roster import Roster
from ..settings import settings
from .arena import ArenaPage
from .audio_route import audio_route
from .compare import ComparePage
from .leaderboard import LeaderboardPage
from .score import ScorePage
from .uploads import Uploads

HERE = Path(__file__).parent
TITLE = "APEX Space"
LEAD = """# APEX Space
What a model of music taste makes of your song: two popularity scores, five aesthetic ones, segment by segment.
[**Vote in the arena**](arena): hear two songs blind, pick one, and see whether the judges knew."""
LEFTOVERS = (600, 3600)
"""Every 10 minutes, delete uploads older than an hour that were never scored."""


def page(roster: Roster, arena: Arena, standings: Standings) -> gr.Blocks:
    """All pages over the judges of `roster`, the battles of `arena` and the votes of `standings`."""
    gr.set_static_paths([EXAMPLES])
    uploads = Uploads(Path(get_upload_folder()))
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=LEFTOVERS) as blocks:
        _links()
        gr.Markdown(LEAD)
        ScorePage(roster, uploads)
    with blocks.route("Compare", "/compare"):
        _links()
        ComparePage(roster, uploads, arena.pool)
    with blocks.route("Arena", "/arena"):
        _links()
        ArenaPage(arena, standings, uploads)
    with blocks.route("Leaderboard", "/leaderboard"):
        _links()
        LeaderboardPage(standings)
    blocks.queue(default_concurrency_limit=1, max_size=50)
    return blocks


def _links() -> None:
    """The links to all pages, at the top of each."""
    gr.Navbar(main_page_name="Score")  # type: ignore[attr-defined]


def serving(arena: Arena) -> dict[str, Any]:
    """Options of `launch`: theme, limits, the songs of battles, and what is switched off."""
    system = ("system-ui", "sans-serif")
    return {
        "theme": gr.themes.Soft(primary_hue="teal", neutral_hue="slate", font=system, font_mono=("ui-monospace",)),
        "css_paths": HERE / "style.css",
        "max_file_size": int(settings().max_megabytes * 1_000_000),
        "app_kwargs": {"routes": [audio_route(arena)]},
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
    }
