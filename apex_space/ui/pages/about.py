"""The About page: the judges, their licences, the limits, how to cite them, and the versions that run."""

import platform
from importlib.metadata import version

import gradio as gr

from ... import __version__
from ...core.i18n import tr
from ...core.settings import settings
from ...judges.manager import JudgeManager
from ...judges.queueing import MAX_SONGS
from ...judges.registry import REGISTRY, card
from ...storage.rate_limits import LIMITS
from ..render import about as render
from ..static_files import read_static
from ..translation import fill

LIBRARIES = ("gradio", "torch", "transformers", "numpy", "librosa", "soundfile", "av", "plotly", "sqlalchemy")
LEAD = """# About
Models of music taste, on one page: what they make of a song, and in the arena how often people agree with them.

**A score is a prediction**: how listeners like those whose ratings a model was trained on would probably rate a song.
It knows a song only by its sound, its listeners were few and of one time and place, and it is wrong about many songs.
It should decide neither what is published nor who is paid, and it does not tell people's music from machines'."""
PRIVACY = """## What happens to a song
It is decoded, scored and deleted from the server within seconds; neither the song nor its name is stored or logged.
What a judge heard in it (numbers, under a hash of the samples) is remembered for a while. A report is kept only if you
ask for a link to it, and then without the song's name. No cookie is set; of an address only a salted hash is kept, with
votes and links."""
CITE = """## How to cite
Cite the work behind the judge whose score you report, and the encoder that it listens with."""
JUDGES = """## The judges
The code is Apache-2.0. Weights have licences of their own; several exclude commercial use."""


class AboutPage:
    """Components of the page. The tables are made again whenever the page opens."""

    def __init__(self, roster: JudgeManager, longest_queue: int) -> None:
        self._roster, self._longest_queue = roster, longest_queue
        gr.Markdown(LEAD)
        gr.Markdown(JUDGES)
        judges, models = gr.HTML(), gr.HTML()
        for name, entry in REGISTRY.items():
            if text := card(name):
                with gr.Accordion(fill("{entry}: model card", entry=entry.title), open=False):
                    gr.HTML(render.card(text))
        gr.Markdown(PRIVACY)
        limits = gr.HTML()
        gr.Markdown(CITE)
        references = gr.HTML()
        gr.Markdown("## What runs here")
        shown = [judges, models, limits, references, gr.HTML()]
        gr.on(None, self._show, outputs=shown, queue=False, show_progress="hidden", api_visibility="private")

    def _show(self) -> tuple[str, ...]:
        songs, requests = tr("Songs that wait for a large judge"), tr("Requests that wait for a free place")
        return (
            render.judges(REGISTRY, {judge.name: judge.weights for judge in self._roster.loaded()}),
            render.models(settings()),
            render.limits(settings(), LIMITS, {songs: MAX_SONGS, requests: self._longest_queue}),
            render.references(read_static("references.bib")),
            render.versions(_versions()),
        )


def _versions() -> list[tuple[str, str]]:
    return [
        ("apex-space", __version__),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in LIBRARIES),
    ]
