"""Start the pages: `python app.py`, then open http://127.0.0.1:7860."""

import os
from contextlib import suppress

os.environ["FORWARDED_ALLOW_IPS"] = ""  # or the server believes any X-Forwarded-For; APEX_PROXIES says whom to believe
with suppress(ImportError):  # on a ZeroGPU Space it must come before torch
    import spaces  # noqa: F401

from apex_space.arena.battles import open_arena
from apex_space.arena.shards import copy_votes
from apex_space.arena.standings import Standings
from apex_space.arena.store import open_store
from apex_space.links import open_links
from apex_space.roster import Roster
from apex_space.settings import settings
from apex_space.ui.page import page, serving
from apex_space.ui.run import explaining, own_uploads, run

with explaining():
    config = settings()
    os.environ["GRADIO_TEMP_DIR"] = own_uploads()
    roster, store = Roster(config.weights, config.guests), open_store(config)
    standings, links = Standings(store), open_links(config, store)
    arena = open_arena(config, roster, store, lambda: standings.latest().uncertainty)
    demo = page(roster, arena, standings, links)

if __name__ == "__main__":
    copy_votes(store, config)
    for part in (roster, arena, standings):
        part.start()
    run(demo, serving(roster, arena, links))
