"""Start the pages: `python app.py`, then open http://127.0.0.1:7860. Importing this does nothing."""

from contextlib import suppress
from typing import Any

demo: Any
"""The pages once they run: Gradio's reloaders look for them under this name."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    global demo
    with suppress(ImportError):  # on a ZeroGPU Space it must come before torch
        import spaces  # noqa: F401
    from gradio import NO_RELOAD

    from apex_space.ui.run import open_site

    if NO_RELOAD:  # `gradio app.py` runs this file again beside the server, which goes on as it is until a restart
        site = open_site()
        demo = site.blocks
        site.serve()


if __name__ == "__main__":
    main()
