"""The command `serve`."""


def serve() -> None:
    """Serve the web pages at http://127.0.0.1:7860 until SIGTERM or SIGINT.

    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set another address. Exit status: 2 where the votes' database or the
    arena's songs cannot be used.
    """
    from ..ui.server import open_site

    open_site().serve()
