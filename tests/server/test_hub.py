"""Weights from the Hub: its real client, in its own process, against a server of ours that can fail on purpose."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apex_space.core.errors import WeightsInvalid, WeightsMissing
from apex_space.models.encoders.mert import MertEncoder
from apex_space.models.hub import Repository, Snapshot, Weights, fetch
from helpers import hub_client
from helpers.hub_server import COMMIT, Hub, serve

NEEDED = ["config.json", "preprocessor_config.json", "pytorch_model.bin"]
Client = Callable[..., dict[str, Any]]


@pytest.fixture
def hub(tiny_mert: Path, tmp_path: Path) -> Iterator[Hub]:
    """A server of tiny MERT, among files of the same repository that nobody needs."""
    folder = Path(shutil.copytree(tiny_mert, tmp_path / "served"))
    (folder / "README.md").write_text("a model card")
    (folder / "optimizer.bin").write_bytes(bytes(1000))
    with serve(MERT=folder) as running:
        yield running


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    """Call `fetch` in a process of its own, whose cache the test owns; it must not print."""

    def call(repository: str = "stand-in/MERT", revision: str = "main", action: str = "fetch", **env: str) -> Any:
        names = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")} | env
        return hub_client.call(tmp_path, repository, revision, action, names)

    return call


def loaded(result: dict[str, Any]) -> MertEncoder:
    checkpoint = Path(result["checkpoint"])
    return MertEncoder(Snapshot(checkpoint.parent, checkpoint, Weights("stand-in/MERT", COMMIT)), (0,))


def served(hub: Hub) -> Path:
    return hub.repositories["stand-in/MERT"]


def test_only_what_is_needed_is_downloaded_and_it_loads(hub: Hub, client: Client) -> None:
    result = client()
    assert result["revision"] == COMMIT
    assert sorted(hub.downloads()) == NEEDED
    assert loaded(result).rate == 24_000


def test_names_that_lead_elsewhere_are_not_downloaded(hub: Hub, client: Client, tmp_path: Path) -> None:
    hub.also = ("../../evil.bin", "/tmp/evil.bin", "a/../../../evil.bin", "..\\evil.bin", "\0", "../config.json")
    assert loaded(client()).rate == 24_000
    assert sorted(hub.downloads()) == NEEDED
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/evil.bin").exists()


def test_progress_rises_to_the_total(hub: Hub, client: Client) -> None:
    progress = client()["progress"]
    total = sum((served(hub) / name).stat().st_size for name in NEEDED)
    assert progress == sorted(progress)
    assert progress[-1] == [total, total]
    assert all(received <= expected for received, expected in progress)


def test_safetensors_are_downloaded_instead_of_a_pickle(hub: Hub, client: Client) -> None:
    (served(hub) / "model.safetensors").write_bytes(b"any")
    assert Path(client()["checkpoint"]).name == "model.safetensors"
    assert "pytorch_model.bin" not in hub.downloads()


def test_a_download_goes_on_where_the_connection_was_cut(hub: Hub, client: Client) -> None:
    checkpoint = served(hub) / "pytorch_model.bin"
    checkpoint.write_bytes(os.urandom(25 << 20))  # the client writes, and so resumes, in pieces of 10 MiB
    hub.cut = {checkpoint.name}
    assert Path(client()["checkpoint"]).read_bytes() == checkpoint.read_bytes()
    ranges = [asked for method, path, asked in hub.asked if method == "GET" and path.endswith(checkpoint.name)]
    assert ranges == [None, f"bytes={10 << 20}-"]


def test_what_was_downloaded_serves_on_without_the_hub(hub: Hub, client: Client) -> None:
    first = client()
    asked = len(hub.asked)
    assert client(action="cached")["checkpoint"] == first["checkpoint"]
    assert client(HF_HUB_OFFLINE="1")["checkpoint"] == first["checkpoint"]
    assert len(hub.asked) == asked
    hub.dead = True
    assert client()["checkpoint"] == first["checkpoint"]
    hub.dead, hub.status = False, {"/api": (500, "")}
    assert client()["checkpoint"] == first["checkpoint"]
    assert client(HF_ENDPOINT="http://127.0.0.1:9")["checkpoint"] == first["checkpoint"]


def test_the_size_still_to_download_is_known(hub: Hub, client: Client) -> None:
    (served(hub) / "model.safetensors").write_bytes(bytes(77))
    sizes = sum((served(hub) / name).stat().st_size for name in NEEDED[:2])
    assert client(action="size")["size"] == sizes + 77
    client()
    assert client(action="size")["size"] == 0
    hub.dead = True
    assert client(action="size")["size"] == 0
    assert "cannot be reached" in client(action="size", HF_HOME=str(served(hub).parent / "empty"))["error"]


UNREACHABLE = {
    "nobody listens": {"HF_ENDPOINT": "http://127.0.0.1:9"},
    "no such host": {"HF_ENDPOINT": "http://hub.invalid"},
    "offline on purpose": {"HF_HUB_OFFLINE": "1"},
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_that_there_is_no_network_is_said(case: str, client: Client) -> None:
    assert "--weights" in client(**UNREACHABLE[case])["error"]


def swallowed(client: Client) -> Any:
    """What the client makes of a network that takes every packet and answers none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        return client(HF_ENDPOINT=f"http://127.0.0.1:{full.getsockname()[1]}")


def test_a_network_that_swallows_everything_is_given_up(client: Client) -> None:
    assert "cannot be reached (ConnectTimeout)" in swallowed(client)["error"]


def test_a_hub_that_says_nothing_is_given_up(hub: Hub, client: Client) -> None:
    hub.silent = True
    assert "cannot be reached (ReadTimeout)" in client()["error"]


def test_half_a_download_is_called_incomplete_and_resumed_later(hub: Hub, client: Client) -> None:
    hub.cut, hub.dies = {"pytorch_model.bin"}, True
    assert "broke off" in client()["error"]
    for without_hub in ({}, {"action": "cached"}, {"HF_HUB_OFFLINE": "1"}):
        assert "incomplete" in client(**without_hub)["error"]
    hub.dead = False
    loaded(client())


def fail_with(status: int, code: str = "") -> Callable[[Hub], object]:
    return lambda hub: hub.status.update({"/api": (status, code)})


REFUSALS: list[tuple[str, Callable[[Hub], object]]] = [
    ("the Hub answered 500", fail_with(500)),
    ("the Hub answered 503", fail_with(503)),
    ("it is gated", fail_with(403, "GatedRepo")),
    ("it is gated", fail_with(401, "GatedRepo")),
    ("answered 401: there is no such repository, or it is private or gated", fail_with(401, "RepoNotFound")),
    ("answered 401: there is no such repository, or it is private or gated", fail_with(401)),
    ("answered 403: there is no such repository, or it is private or gated", fail_with(403)),
    ("no such repository", lambda hub: hub.repositories.clear()),
    ("cannot be reached", lambda hub: setattr(hub, "dead", True)),
    ("cannot be reached", lambda hub: setattr(hub, "portal", True)),
    ("lacks preprocessor_config.json", lambda hub: (served(hub) / NEEDED[1]).unlink()),
    ("holds no model.safetensors or pytorch_model.bin", lambda hub: (served(hub) / NEEDED[2]).unlink()),
]


@pytest.mark.parametrize(("reason", "fault"), REFUSALS)
def test_a_refusal_names_the_repository_and_the_reason(
    reason: str, fault: Callable[[Hub], object], hub: Hub, client: Client
) -> None:
    fault(hub)
    error = client()["error"]
    assert reason in error
    assert "stand-in/MERT" in error


def test_a_gated_repository_is_had_by_the_two_steps_of_its_message(hub: Hub, client: Client) -> None:
    """Without a token, with one of somebody who has not accepted the terms, and with one of somebody who has."""
    hub.gate = "hf_accepted"
    page = f"{hub.url}/stand-in/MERT"
    for environment in ({}, {"HF_TOKEN": "hf_other"}):
        error = client(**environment)["error"]
        assert f"it is gated: accept the terms on {page} and set HF_TOKEN" in error
    assert loaded(client(HF_TOKEN="hf_accepted")).rate == 24_000


@pytest.mark.parametrize(
    ("repository", "revision", "reason"),
    [
        ("stand-in/other", "main", "no such repository"),
        ("stand-in/MERT", "v9", "no such revision"),
        ("not/a/name", "main", "not a repository's name"),
        ("stand-in/MERT", COMMIT, ""),
    ],
)
def test_names_are_checked(repository: str, revision: str, reason: str, client: Client) -> None:
    result = client(repository, revision)
    assert reason in result["error"] if reason else result["revision"] == COMMIT


def test_damaged_content_is_found_on_loading_and_replaced_as_the_message_says(hub: Hub, client: Client) -> None:
    checkpoint = served(hub) / "pytorch_model.bin"
    intact = checkpoint.read_bytes()
    checkpoint.write_bytes(b"<html>" + bytes(len(intact) - 6))
    with pytest.raises(WeightsInvalid, match=r"pytorch_model\.bin") as refusal:
        loaded(client())
    Path(str(refusal.value).split("Delete ")[1].split(" and ")[0]).unlink()
    checkpoint.write_bytes(intact)
    loaded(client())


def test_a_folder_is_used_as_it_is(tiny_mert: Path) -> None:
    repository = Repository("any/MERT", "main", ("config.json",), ("pytorch_model.bin",))
    found = fetch(repository, tiny_mert.parent)
    assert found.checkpoint == tiny_mert / "pytorch_model.bin"
    assert found.weights == fetch(repository, tiny_mert.parent).weights
    assert "sha256" in found.weights.revision


@pytest.mark.parametrize(("needs", "checkpoint"), [(("absent",), "pytorch_model.bin"), ((), "absent")])
def test_what_a_folder_lacks_is_named(needs: tuple[str, ...], checkpoint: str, tiny_mert: Path) -> None:
    with pytest.raises(WeightsMissing, match="absent"):
        fetch(Repository("any/MERT", "main", needs, (checkpoint,)), tiny_mert.parent)
    with pytest.raises(WeightsMissing, match="elsewhere"):
        fetch(Repository("any/elsewhere", "main", needs, (checkpoint,)), tiny_mert.parent)
