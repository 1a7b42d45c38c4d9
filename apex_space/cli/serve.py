"""`serve`."""


def serve() -> None:
    """Start the pages and serve them until SIGTERM or SIGINT, at http://127.0.0.1:7860.

    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT name another address. Exit status: 2 where the votes' database or the
    arena's songs cannot be used.
    """
    from ..ui.server import open_site

    open_site().serve()
