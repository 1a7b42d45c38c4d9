"""The About page: the judges, their licences, the limits, how to cite them, and the versions that run."""

import platform
from importlib.metadata import version

import gradio as gr

from ... import __version__
from ...core.i18n import ENGLISH, language, tr
from ...core.settings import settings
from ...evaluation.profile import shipped
from ...judges.manager import JudgeManager
from ...judges.queueing import MAX_SONGS
from ...judges.registry import REGISTRY, card
from ...judges.verified import is_own
from ...storage.rate_limits import LIMITS
from ..render import about as render
from ..static_files import read_static
from ..translation import fill

LIBRARIES = ("gradio", "torch", "transformers", "numpy", "librosa", "soundfile", "av", "plotly", "sqlalchemy")
LEAD = """# About
This page scores songs with models of music taste. The arena measures how often people agree with them.

**A score is a prediction** of how listeners would rate a song, if they are like the listeners that a model was
trained on. A model knows only the sound of a song. Its listeners were few, and of one time and place. It is wrong
about many songs. It should decide neither what is published nor who is paid, and it cannot tell music by people
from music by machines."""
PRIVACY = """## What happens to a song
A song is decoded, scored and deleted from the server within minutes. The songs of a ranking, and the clips of a battle
between songs of your own, are kept for an hour at most. Neither the song nor its name is stored or logged, unless you
let friends vote on it: then for {hours:g} hours at most. Its embeddings (numbers, under a hash of the samples) stay
in a cache for a while. The server keeps a report only if you ask for a link to it, and then without the song's name.
Your browser's tab keeps the last report. No cookie is set. Of an address only a hash is kept, with votes, shared
results and battles for friends, under a key that changes every day."""
CITE = """## How to cite
Cite this project, the work behind the judge whose score you report, and its encoder. Where you use votes or training
data, cite the data set, too."""
COPYING = {"copied": "Copied.", "selected": "Selected: press Ctrl+C or ⌘C."}
"""Texts of the script that copies a reference."""
JUDGES = """## The judges
The code is Apache-2.0. Weights have licences of their own; several exclude commercial use. The last column says which
judges were checked with their weights, by the command `verify`."""


class AboutPage:
    """Components of the page. The tables are made again whenever the page opens."""

    def __init__(self, manager: JudgeManager, longest_queue: int) -> None:
        self._manager, self._longest_queue = manager, longest_queue
        gr.Markdown(LEAD)
        gr.Markdown(JUDGES)
        judges, weights = gr.HTML(), gr.HTML()
        described = [name for name in REGISTRY if not is_own(name)]
        self._cards = [name for name in described if card(name)]
        cards = []
        for name in self._cards:
            with gr.Accordion(fill("{entry}: model card", entry=REGISTRY[name].title), open=False):
                cards.append(gr.HTML())
        self._profiles = [name for name in described if shipped(name)]
        profiles = []
        for name in self._profiles:
            with gr.Accordion(fill("{entry}: what damage it hears", entry=REGISTRY[name].title), open=False):
                profiles.append(gr.HTML())
        gr.Markdown(fill(PRIVACY, hours=settings().friend_hours))
        limits = gr.HTML()
        gr.Markdown(CITE)
        references = gr.HTML(js_on_load=read_static("cite.js"), texts=COPYING, elem_id="references")
        gr.Markdown("## What runs here")
        shown = [judges, weights, limits, references, gr.HTML(), *cards, *profiles]
        gr.on(None, self._show, outputs=shown, queue=False, show_progress="hidden", api_visibility="private")

    def _show(self) -> tuple[str, ...]:
        songs, requests = tr("Songs in the queue for a large judge"), tr("Requests in the queue")
        loaded = {judge.name: judge.weights for judge in self._manager.loaded()}
        return (
            render.judges(REGISTRY, loaded),
            render.weights(settings(), loaded),
            render.limits(settings(), LIMITS, {songs: MAX_SONGS, requests: self._longest_queue}),
            render.references(read_static("references.bib")),
            render.versions(_versions()),
            *map(_card, self._cards),
            *map(_profile, self._profiles),
        )


def _card(name: str) -> str:
    """Return a model card in the current language, or else in English."""
    translated = card(name, language())
    return render.card(translated or str(card(name)), language() if translated else ENGLISH)


def _profile(name: str) -> str:
    profile = shipped(name)
    assert profile is not None
    return render.robustness(profile)


def _versions() -> list[tuple[str, str]]:
    return [
        ("apex-space", __version__),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in LIBRARIES),
    ]
