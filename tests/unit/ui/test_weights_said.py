"""Pages say where scores are from weights that nobody has verified, or that are not the published ones."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from apex_space.core.settings import settings
from apex_space.judges.panel import Panel
from apex_space.judges.registry import REGISTRY
from apex_space.judges.verified import caution, is_own, licence, summary
from apex_space.models.hub import Weights
from apex_space.ui import render
from apex_space.ui.render import about as render_about
from helpers.results import report

FILES = (Weights("amaai-lab/apex", "local file best_model.pt, sha256 0123"),)
COMMIT = (Weights("m-a-p/MERT-v1-95M", "01" * 20), Weights("amaai-lab/apex", "23" * 20))


def test_unknown_files_are_said_wherever_their_scores_are() -> None:
    unknown, known = (report(judge="apex", weights=weights) for weights in (FILES, COMMIT))
    said = "The weights of APEX are files that nobody has verified here."
    for pages in (render.cards, lambda each: render.panel(Panel((report(), each), {}))):
        assert said in pages(unknown)
        assert "nobody has verified" not in pages(known)
    assert caution([report(), known]) is None
    assert str(caution([report(), unknown, unknown])).startswith(said)


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("folder", [False, True])
def test_a_head_of_ones_own_is_not_called_the_published_one(
    folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = render.cards(report(judge="apex", weights=COMMIT))
    assert "APEX: the published model: MERT-v1-95M and the APEX head" in published
    name = "my-run" if folder else "owner/head"
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("APEX_HEAD_REPO", str(tmp_path / name) if folder else name)
    settings.cache_clear()
    own = report(judge="apex", weights=(COMMIT[0], Weights(name, "45" * 20)))
    for page in (render.cards(own), render.tables(own)):
        assert f"with weights of {name}, not the published ones" in unescape(page)
        assert "the published model" not in page
    assert f"see {name}" in unescape(render.tables(own))
    before_it_is_loaded = render_about.judges(REGISTRY, {})
    assert f"with weights of {name}, not the published ones" in unescape(before_it_is_loaded)
    assert "the published model" not in before_it_is_loaded


def test_an_encoder_of_ones_own_is_said_of_each_judge_that_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_MUQ_REPO", "owner/muq")
    settings.cache_clear()
    theirs = {name for name in REGISTRY if "owner/muq" in licence(name)}
    assert theirs == {name for name in REGISTRY if "owner/muq" in summary(name)} == {"hear-1", "hear-2"}
    monkeypatch.setenv("APEX_SONGEVAL_REPO", "owner/head")
    settings.cache_clear()
    assert "owner/muq, owner/head" in summary("songeval")


@pytest.mark.parametrize("own", [False, True])
def test_the_page_about_knows_whether_pockets_card_is_of_the_head_that_is_used(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APEX_POCKET_REPO", str(tmp_path) if own else "")
    settings.cache_clear()
    assert is_own("pocket") == own == (tmp_path.name in licence("pocket"))
