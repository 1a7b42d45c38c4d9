"""Start the pages: `python app.py`, then open http://127.0.0.1:7860. Importing this does nothing."""

import sys
from contextlib import suppress
from typing import Any

demo: Any
"""The pages once they run, where Gradio's command line looks for them."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    global demo
    with suppress(ImportError):  # on a ZeroGPU Space it must come before torch
        import spaces  # noqa: F401
    from apex_space.core.errors import explaining
    from apex_space.core.settings import settings

    with explaining():
        settings()  # a wrong one is told before the imports, which take seconds
    from gradio import NO_RELOAD

    from apex_space.ui.server import open_site

    if not NO_RELOAD:  # `gradio app.py` runs this file again, in a thread that would then take modules from the server
        sys.exit()  # ends that thread alone: what was changed is there after a restart
    with explaining():
        site = open_site()
    demo = site.blocks
    site.serve()


if __name__ == "__main__":
    main()
