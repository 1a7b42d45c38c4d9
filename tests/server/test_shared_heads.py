"""Preference heads that are shared on the Hub: the real client, in its own process, against a server of ours."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from apex_space.preference.head import Foresight, GeneratorEffect, PreferenceHead
from apex_space.preference.head_files import MAX_BYTES, SHIPPED, read, save
from helpers.hub_client import run_program
from helpers.hub_server import Hub, serve

SHIPPED_HEAD = read(SHIPPED / "pocket.json")
CODE = """
import json, logging, sys
from pathlib import Path
logging.basicConfig(level="WARNING", format="%(message)s")
from apex_space.preference.head_files import load
for judge in ("pocket", "apex", "pocket"):
    head = load(judge)
    print(json.dumps([head.judge, head.revision_id, head.source]))
"""


def mine(judge: str = "pocket", **changes: Any) -> PreferenceHead:
    """A head that is not the shipped one."""
    effects = (GeneratorEffect("harp | [x](y) <b>", 0.5, 0.1),)
    figure = SHIPPED_HEAD.metrics.accuracy
    metrics = replace(SHIPPED_HEAD.metrics, log_loss=figure, with_generators=Foresight(figure, figure))
    return replace(SHIPPED_HEAD, judge=judge, data="ours", generators=effects, metrics=metrics, **changes)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub with one repository, in which somebody has written other files."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "notes.txt").write_text("not ours")
    with serve(heads=folder) as running:
        running.new = tmp_path
        yield running


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Callable[..., str]:
    """Run a program with a cache and data of its own; it may not fail unless `code` says so."""
    return partial(run_program, hub, tmp_path, APEX_DATA=str(tmp_path / "data"))


def loaded(text: str) -> list[list[str]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("[")]


def publish(run: Callable[..., str], *arguments: str, **options: Any) -> str:
    code = f"from apex_space.cli import app; app({['publish-preference', *arguments]!r})"
    return run("-c", code, **options)


def use(run: Callable[..., str], **env: str) -> tuple[list[list[str]], str]:
    text = run("-c", CODE, **{"APEX_PREFERENCE_REPO": "stand-in/heads"} | env)
    return loaded(text), text


def fitted(tmp_path: Path, head: PreferenceHead) -> Path:
    path = tmp_path / "fitted" / f"{head.judge}.json"
    save(head, path)
    return path


def test_what_one_publishes_another_uses(hub: Hub, run: Callable[..., str], tmp_path: Path) -> None:
    path = fitted(tmp_path, mine())
    assert "Published: " in publish(run, "new/shared", "--head", str(path))
    assert hub.private == {"new/shared"}
    served = hub.repositories["new/shared"]
    card = (served / "README.md").read_text()
    assert "license: cc-by-nc-4.0" in card
    assert "APEX_PREFERENCE_REPO=new/shared" in card
    assert "0.643 (0.609 to 0.678)" in card
    assert r"harp \| \[x\](y) \<b\>" in card
    found, text = use(run, APEX_PREFERENCE_REPO="new/shared")
    expected = ["pocket", mine().revision_id, f"new/shared ({hub.commit})"]
    assert found == [expected] * 3  # pocket's stands in for apex, which has none
    assert "not used" not in text
    publish(run, "new/shared", "--judge", "apex", "--head", str(fitted(tmp_path, mine("apex"))), "--licence", "mit")
    card = (served / "README.md").read_text()
    assert "## Pocket" in card
    assert "## APEX" in card
    assert [judge for judge, *_ in use(run, APEX_PREFERENCE_REPO="new/shared")[0]] == ["pocket", "apex", "pocket"]


def test_a_repository_s_other_files_stay(hub: Hub, run: Callable[..., str], tmp_path: Path) -> None:
    served, path = hub.repositories["stand-in/heads"], fitted(tmp_path, mine())
    (served / "README.md").write_text("somebody's own card")
    assert "stays as it is" in publish(run, "stand-in/heads", "--head", str(path))
    assert hub.commits == [["pocket.json"]]
    assert (served / "README.md").read_text() == "somebody's own card"
    (served / "pocket.json").write_text('{"somebody": "else\'s"}')
    assert "not a preference head" in publish(run, "stand-in/heads", "--head", str(path), code=1)
    assert len(hub.commits) == 1
    assert (served / "notes.txt").read_text() == "not ours"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--judge", "apex"], "no head"),
        (["--licence", "MIT\nx: y"], "no licence"),
        (["--judge", "apex", "--head", "HEAD"], "the head of pocket"),
    ],
)
def test_what_cannot_be_published_is_said(
    options: list[str], why: str, hub: Hub, run: Callable[..., str], tmp_path: Path
) -> None:
    given = [str(fitted(tmp_path, mine())) if each == "HEAD" else each for each in options]
    assert why in publish(run, "stand-in/heads", *given, code=1)
    assert not hub.commits


def test_a_hub_that_refuses_is_told(hub: Hub, run: Callable[..., str], tmp_path: Path) -> None:
    hub.status["/api/models/stand-in/heads/commit"] = (403, "")
    told = publish(run, "stand-in/heads", "--head", str(fitted(tmp_path, mine())), code=1)
    assert "Nothing is published" in told
    assert "403" in told


SHIPPED_ONLY = [["pocket", SHIPPED_HEAD.revision_id, ""]] * 3


def test_a_head_that_was_fitted_here_stands_before_a_shared_one(
    hub: Hub, run: Callable[..., str], tmp_path: Path
) -> None:
    (hub.repositories["stand-in/heads"] / "pocket.json").write_text(mine().to_json())
    own = mine(battles=99)
    save(own, tmp_path / "data" / "preferences" / "pocket.json")
    assert use(run)[0][0] == ["pocket", own.revision_id, ""]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "not a preference head"),
        (b"[" * 100_000, "not a preference head"),
        (mine().to_json().replace("0.0970687", "NaN").encode(), "not a preference head"),
        (mine().to_json().replace('"likes"', '"danceability"').encode(), "not a preference head"),
        (mine("apex").to_json().encode(), "the head of apex"),
        (b" " * (MAX_BYTES + 1) + mine().to_json().encode(), "bytes"),
    ],
)
def test_what_is_no_head_is_not_used(content: bytes, why: str, hub: Hub, run: Callable[..., str]) -> None:
    (hub.repositories["stand-in/heads"] / "pocket.json").write_bytes(content)
    found, text = use(run)
    assert found == SHIPPED_ONLY
    assert text.count("not used") == 1
    assert why in text


def test_a_large_file_is_not_downloaded(hub: Hub, run: Callable[..., str]) -> None:
    (hub.repositories["stand-in/heads"] / "pocket.json").write_bytes(b" " * (MAX_BYTES + 1))
    use(run)
    assert hub.downloads() == []


def test_a_repository_that_is_not_there_costs_one_warning(hub: Hub, run: Callable[..., str]) -> None:
    found, text = use(run, APEX_PREFERENCE_REPO="nobody/nothing")
    assert found == SHIPPED_ONLY
    assert text.count("APEX_PREFERENCE_REPO is not used, but the shipped preference heads") == 1
    assert use(run, APEX_PREFERENCE_REVISION="other")[0] == SHIPPED_ONLY
    hub.dead = True
    assert use(run)[0] == SHIPPED_ONLY


def test_a_folder_of_weights_may_have_the_heads(hub: Hub, run: Callable[..., str], tmp_path: Path) -> None:
    save(mine(), tmp_path / "weights" / "heads" / "pocket.json")
    hub.dead = True
    found, _ = use(run, APEX_WEIGHTS=str(tmp_path / "weights"))
    assert found[0] == ["pocket", mine().revision_id, "stand-in/heads (local folder heads)"]
