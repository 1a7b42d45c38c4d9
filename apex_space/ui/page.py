"""The page: its tabs, its looks and how it is served."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from ..roster import Roster
from ..settings import settings
from .score import EXAMPLES, ScoreTab
from .uploads import Uploads

HERE = Path(__file__).parent
TITLE = "APEX Space"
LEAD = """# APEX Space
What a model of music taste makes of your song: two popularity scores, five aesthetic ones, segment by segment."""
LEFTOVERS = (600, 3600)
"""Every 10 minutes, delete uploads older than an hour that were never scored."""


def page(roster: Roster) -> gr.Blocks:
    """All tabs over the judges of `roster`."""
    gr.set_static_paths([EXAMPLES])
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=LEFTOVERS) as blocks:
        gr.Markdown(LEAD)
        with gr.Tab("Score"):
            ScoreTab(roster, Uploads(Path(get_upload_folder())))
    blocks.queue(default_concurrency_limit=1, max_size=50)
    return blocks


def looks() -> dict[str, Any]:
    """Options of `launch`: theme, limits and what is switched off."""
    system = ("system-ui", "sans-serif")
    return {
        "theme": gr.themes.Soft(primary_hue="teal", neutral_hue="slate", font=system, font_mono=("ui-monospace",)),
        "css_paths": HERE / "style.css",
        "max_file_size": int(settings().max_megabytes * 1_000_000),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
    }
