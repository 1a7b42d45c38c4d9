"""The pages as a server: what it is made of, its launch, and the signal that ends it."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from threading import Event
from typing import Any, NoReturn

import gradio as gr
from gradio.utils import get_upload_folder

from ..arena.battles import Arena, open_arena
from ..arena.leaderboard import LeaderboardService
from ..core import files, json_logging
from ..core.errors import ApexSpaceError
from ..core.settings import prepare_server, settings, temporary
from ..judges.manager import JudgeManager
from ..storage.hub_sync import upload_votes
from ..storage.shared_results import SharedResults, open_shared_results
from ..storage.votes import VoteStore, open_store
from .middleware.request_logging import log_events
from .site import build_pages, launch_options


@dataclass(frozen=True)
class Site:
    """The pages and all that they stand on. No thread runs before `serve`."""

    roster: JudgeManager
    store: VoteStore
    arena: Arena
    standings: LeaderboardService
    links: SharedResults
    blocks: gr.Blocks

    def serve(self) -> NoReturn:
        """Start every part and serve until SIGTERM or SIGINT."""
        upload_votes(self.store, settings())
        for part in (self.roster, self.arena, self.standings):
            part.start()
        run_server(self.blocks, launch_options(self.roster, self.arena, self.links))


def open_site() -> Site:
    """Make the folders, open the votes' database and build the pages, as the settings say.

    Raises StoreError and PoolError.
    """
    prepare_server(own_uploads())
    roster, store = JudgeManager(settings().weights, settings().max_loaded), open_store(settings())
    standings, links = LeaderboardService(store), open_shared_results(settings(), store)
    arena = open_arena(settings(), roster, store, lambda: standings.latest().uncertainty)
    return Site(roster, store, arena, standings, links, build_pages(roster, arena, standings, links))


@contextmanager
def explaining() -> Iterator[None]:
    """What is raised on purpose becomes a message on stderr and exit status 2."""
    try:
        yield
    except ApexSpaceError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def own_uploads() -> str:
    """A new folder for this server's uploads alone, to be named by GRADIO_TEMP_DIR before any page is made: Gradio and
    this server delete what is in the one that is named then.

    It is below the one that is named so now, else among the system's temporary files: Gradio's own there, `gradio`, may
    be another user's.
    """
    shared = temporary()
    try:
        if shared:
            Path(shared).mkdir(parents=True, exist_ok=True)
        folder = mkdtemp(prefix="apex-space-", dir=shared)
        files.mark_own(Path(folder))
        return folder
    except OSError as error:
        place = shared or "the system's folder for temporary files"
        sys.exit(f"Uploads cannot be kept in {place} ({error.strerror}). Name a folder with GRADIO_TEMP_DIR.")


def run_server(blocks: gr.Blocks, options: Mapping[str, Any]) -> NoReturn:
    """Serve until SIGTERM or SIGINT, delete the uploads and end this process.

    A folder of uploads that is not from `own_uploads` stays: it may hold anything.
    Answers that are on their way have five seconds then; songs that are being heard are given up at once.
    """
    ended, uploads = Event(), get_upload_folder()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    json_logging.configure(uploads)
    log_events(blocks)
    blocks.launch(**options, prevent_thread_lock=True)
    json_logging.adopt("uvicorn", "uvicorn.access")
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # Gradio prints why it refuses, names of files included
    ended.wait()
    logging.getLogger(__name__).info("ending")
    blocks.close(verbose=False)
    files.delete_own(Path(uploads))
    logging.shutdown()
    os._exit(0)  # threads that are within a network's layer would crash an interpreter that ends in order
