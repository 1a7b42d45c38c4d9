"""Runs the pages as a server: makes its parts, launches it, and ends it on a signal."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import mkdtemp
from threading import Thread
from typing import Any, NoReturn

import gradio as gr
from gradio.utils import get_upload_folder

from ..arena.battles import Arena, open_arena
from ..arena.friends import FriendBattles, open_friend_battles
from ..arena.leaderboard import LeaderboardService
from ..arena.pool_sources import from_examples
from ..arena.ratings import RatingModel
from ..core import files, json_logging
from ..core.settings import prepare_server, settings, temporary
from ..judges.manager import JudgeManager
from ..judges.reference_songs import references
from ..storage.hub_sync import upload_votes
from ..storage.shared_results import SharedResults, open_shared_results
from ..storage.vote_store import VoteStore, open_store
from .middleware.request_logging import log_events
from .site import build_pages, launch_options
from .uploads import LIFETIME, Uploads

UPLOADS_PREFIX = "apex-space-"
CLOSE_SECONDS = 5.0
WAKE_SECONDS = 0.5


@dataclass(frozen=True)
class Site:
    """The pages and all parts that they need. No thread runs before `serve`."""

    manager: JudgeManager
    store: VoteStore
    arena: Arena
    leaderboard: LeaderboardService
    results: SharedResults
    friends: FriendBattles
    uploads: Uploads
    blocks: gr.Blocks

    def serve(self) -> NoReturn:
        """Start every part and serve until SIGTERM or SIGINT."""
        upload_votes(self.store, settings())
        for part in (self.manager, self.arena, self.leaderboard, self.friends, self.uploads):
            part.start()
        options = launch_options(self.manager, self.arena, self.leaderboard, self.results, self.friends, self.uploads)
        gc.freeze()  # the pages stay until the end: the garbage collector need not look at them again and again
        run_server(self.blocks, options, self.arena.close)


def open_site() -> Site:
    """Make the folders, open the votes' database and build the pages, as the settings say.

    Raises SettingsError, StoreError and PoolError.
    """
    references(settings().reference)
    prepare_server(own_uploads())
    manager = JudgeManager(settings().weights, settings().max_loaded, from_examples()[0].file)
    store = open_store(settings())
    leaderboard = LeaderboardService(store, model=RatingModel(ties=settings().ties))
    results = open_shared_results(settings(), store)
    friends = open_friend_battles(settings(), store)
    arena = open_arena(settings(), manager, store, lambda: leaderboard.latest().uncertainty)
    uploads = Uploads(Path(get_upload_folder()), settings().upload_grace_seconds)
    blocks = build_pages(manager, arena, leaderboard, results, friends, uploads)
    return Site(manager, store, arena, leaderboard, results, friends, uploads, blocks)


def own_uploads() -> str:
    """Make a folder for the uploads of this server alone, and return its path.

    GRADIO_TEMP_DIR must name this folder before any page is made, because Gradio and this server delete the files in
    the folder that it names then. The new folder is made in the folder that GRADIO_TEMP_DIR names now, or else in the
    system's folder for temporary files. Gradio's own folder there, `gradio`, may belong to another user.
    """
    shared = temporary()
    try:
        if shared:
            Path(shared).mkdir(parents=True, exist_ok=True)
        files.delete_abandoned(UPLOADS_PREFIX, LIFETIME, shared)  # of servers that were killed
        folder = mkdtemp(prefix=UPLOADS_PREFIX, dir=shared)
        files.mark_own(Path(folder))
        return folder
    except OSError as error:
        place = shared or "the system's folder for temporary files"
        sys.exit(f"Uploads cannot be kept in {place} ({error.strerror}). Name a folder with GRADIO_TEMP_DIR.")


def run_server(blocks: gr.Blocks, options: Mapping[str, Any], close: Callable[[], object] = lambda: None) -> NoReturn:
    """Serve until SIGTERM or SIGINT, delete the uploads, call `close` and end this process.

    `close` has CLOSE_SECONDS.

    A folder of uploads that `own_uploads` did not make is kept, because it may contain any files. After the signal,
    answers that are being sent have five seconds. Songs that are being scored are given up at once.
    """
    signals, uploads = signals_to_end(), get_upload_folder()
    json_logging.configure(uploads)
    log_events(blocks)
    blocks.launch(**options, prevent_thread_lock=True)
    json_logging.adopt("uvicorn", "uvicorn.access")
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # Gradio prints its refusals, with file names
    wait_for(signals)
    logging.getLogger(__name__).info("ending")
    blocks.close(verbose=False)
    files.delete_own(Path(uploads))
    closing = Thread(target=close, daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)
    logging.shutdown()
    os._exit(0)  # threads inside a network's layer would crash an interpreter that exits normally


def signals_to_end() -> SimpleQueue[int]:
    """The signals to end that this process receives from now on, in a queue that a handler may use at any moment."""
    signals: SimpleQueue[int] = SimpleQueue()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _: signals.put(number))
    return signals


def wait_for(signals: SimpleQueue[int]) -> None:
    """Wait until there is a signal.

    Python runs handlers in the main thread only. If the system gave the signal to another thread, the main one has to
    wake up by itself.
    """
    while True:
        with suppress(Empty):
            signals.get(timeout=WAKE_SECONDS)
            return
