"""Start the page: `python app.py`, then open http://127.0.0.1:7860."""

from contextlib import suppress

with suppress(ImportError):  # on a ZeroGPU Space it must come before torch
    import spaces  # noqa: F401

from apex_space.roster import Roster
from apex_space.settings import settings
from apex_space.ui.page import looks, page

roster = Roster(settings().weights)
demo = page(roster)

if __name__ == "__main__":
    roster.start()
    demo.launch(**looks())
