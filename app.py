"""Start the pages: `python app.py`, then open http://127.0.0.1:7860. Importing this does nothing."""

import sys
from contextlib import suppress
from typing import Any

demo: Any  # the pages once they run, where Gradio's command line looks for them


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    global demo
    with suppress(ImportError):  # on a ZeroGPU Space it must come before torch
        import spaces  # noqa: F401
    from apex_space.core.settings import explaining

    with explaining():  # a wrong setting is told before the imports that take seconds
        from gradio import NO_RELOAD

        from apex_space.ui.server import open_site

        if not NO_RELOAD:  # `gradio app.py` runs this file again, in a thread that would take the server's modules
            sys.exit()  # ends that thread alone: what was changed is there after a restart
        site = open_site()
    demo = site.blocks
    site.serve()


if __name__ == "__main__":
    main()
