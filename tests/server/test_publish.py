"""A trained head on the Hub: the real client, in its own process, against a server of ours."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from apex_space.training.publish import MARK
from helpers.finished_run import write_run
from helpers.hub_client import run_program
from helpers.hub_server import Hub, serve
from helpers.melodies import write

SECRET = "hf_not_to_be_printed"
CODE = """
from dataclasses import replace
from pathlib import Path
from apex_space.cli import app
from apex_space.models.encoders.mert import MertEncoder
from apex_space.models.heads import apex
MertEncoder.segment_seconds = 0.5
named = apex.repositories
apex.repositories = lambda settings: (replace(named(settings)[0], folder=Path({mert!r})), named(settings)[1])
app({arguments!r})
"""
"""The command line with MERT on this disk, which would take long to download."""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub with a repository in which somebody has written a card."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("somebody's own card")
    with serve(other=other) as running:
        running.new = tmp_path
        yield running


@pytest.fixture
def command(hub: Hub, tmp_path: Path, thin_weights: Path) -> Callable[..., str]:
    def run(*arguments: object, **options: object) -> str:
        code = CODE.format(arguments=[*map(str, arguments)], mert=str(thin_weights / "MERT-v1-95M"))
        return partial(run_program, hub, tmp_path, "-c", code, HF_TOKEN=SECRET)(**options)

    return run


def test_a_published_checkpoint_is_found_and_scores(
    hub: Hub, command: Callable[..., str], finished: Path, tmp_path: Path
) -> None:
    told = command("publish", finished, "new/head", "--licence", "mit")
    assert "Published: " in told
    assert SECRET not in told
    assert hub.private == {"new/head"}
    served = hub.repositories["new/head"]
    names = ("README.md", "best_model.pt", "results.csv", "settings.json")
    assert tuple(sorted(path.name for path in served.iterdir())) == names
    for name in names[1:]:
        assert (served / name).read_bytes() == (finished / name).read_bytes()
    card = (served / "README.md").read_text()
    assert "license: mit" in card
    assert MARK in card
    assert r"m-a-p/\<b\>\|" in card
    assert "| likes | ridge regression | 1.000 (1.000 to 1.000) | " in card

    song = write(tmp_path / "song.wav", 1)
    options = {"APEX_HEAD_REPO": "new/head", "APEX_PRECISION": "float32"}
    scored = command("score", song, "--judge", "apex", **options, COLUMNS="200")
    assert f"new/head ({hub.commit})" in scored
    assert command("publish", finished, "new/head").startswith("Published: ")
    assert len(hub.commits) == 2
    assert "license: cc-by-nc-4.0" in (served / "README.md").read_text()


def test_nothing_of_others_is_overwritten(hub: Hub, command: Callable[..., str], finished: Path) -> None:
    refused = command("publish", finished, "stand-in/other", code=1)
    assert refused == "stand-in/other has README.md that this command did not write. Choose another repository.\n"
    hub.status["/api/repos/create"] = (403, "")
    refused = command("publish", finished, "new/head", code=1)
    assert refused.startswith("Nothing is published in new/head: ")
    assert SECRET not in refused
    assert not hub.commits
