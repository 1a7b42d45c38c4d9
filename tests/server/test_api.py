"""What programs may call: the examples of docs/api.md, and what comes of what is wrong, on a live server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from apex_space.judges.loading import load_judge
from apex_space.judges.report import rounded
from apex_space.storage.vote_store import FILE, VoteStore
from helpers.forked import command
from helpers.paths import EXAMPLES, ROOT
from helpers.server import Running
from helpers.wait import run_coroutine, until

NAMES = {"score", "what_if", "compare", "rank", "leaderboard", "judges"}
SONG = EXAMPLES / "bossa.ogg"
FILE_DATA = {"_type": "gradio.FileData"}
NODE, MODULES = Path(sys.prefix) / "bin" / "node", Path(sys.prefix) / "node_modules"
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def api(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/gradio_api", timeout=60) as client:
        yield client


def example(language: str, mark: str, server: Running) -> str:
    """The page's example that has `mark` in it, for `server`."""
    (found,) = (code for code in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if mark in code)
    assert "http://127.0.0.1:7860" in found
    return found.replace("http://127.0.0.1:7860", server.url)


def says_the_likes(*program: str | Path) -> bool:
    """Whether a program, run in the tree, writes what pocket says of the song."""
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return likes() in done.stdout


@cache
def likes() -> str:
    return str(rounded(load_judge("pocket")(SONG).scores["likes"]))


@pytest.mark.parametrize("mark", ["gradio_client", "mcp"])
def test_the_pages_python(server: Running, mark: str) -> None:
    strict = "import warnings; warnings.simplefilter('error')\n"
    assert says_the_likes(*command("-c", strict + example("python", mark, server)))


def test_the_pages_curl(server: Running) -> None:
    assert says_the_likes("bash", "-euc", example("bash", "curl", server))


def test_the_pages_javascript(server: Running, tmp_path: Path) -> None:
    if not (NODE.is_file() and MODULES.is_dir()):
        pytest.skip("no Node with @gradio/client beside this Python: tests/check installs both")
    (tmp_path / "node_modules").symlink_to(MODULES)
    program = tmp_path / "example.mjs"
    program.write_text(example("javascript", "Client", server), encoding="utf-8")
    assert says_the_likes(NODE, program)


def test_nothing_but_the_six_is_shown(client: Any) -> None:
    shown = client.view_api(print_info=False, return_format="dict")
    assert {name.strip("/") for name in shown["named_endpoints"]} == NAMES
    assert shown["unnamed_endpoints"] == {}
    given = {name.strip("/"): [p["parameter_name"] for p in e["parameters"]] for name, e in _endpoints(shown)}
    assert given == {
        "score": ["song", "judge"],
        "what_if": ["song", "judge", "parts"],
        "compare": ["a", "b", "judge", "one_maker"],
        "rank": ["songs", "judge", "by", "keep", "groups"],
        "leaderboard": ["board"],
        "judges": [],
    }
    assert all(len(endpoint["description"]) > 60 for _, endpoint in _endpoints(shown))


def _endpoints(shown: dict[str, Any]) -> Any:
    return shown["named_endpoints"].items()


def test_judges_and_leaderboard(client: Any, data: Path) -> None:
    from gradio_client.exceptions import AppError

    def asked() -> dict[str, Any]:
        return {each["judge"]: each for each in client.predict(api_name="/judges")}

    # The server looks for its weights by itself.
    until(lambda: asked()["hear-2"]["state"] == "absent", seconds=60, pause=0.2)
    judges = asked()
    assert judges["pocket"]["state"] == "ready"
    assert "likes" in judges["pocket"]["axes"]
    assert judges["hear-2"]["axes"] is None
    assert all(each["licence"] and each["summary"] for each in judges.values())
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        counted = [vote for vote in store.votes() if not vote.suspicion]
    everything = client.predict(api_name="/leaderboard")
    assert (everything["board"], everything["votes"]) == ("all songs", len(counted))
    for board in everything["boards"]:
        assert client.predict(board["board"], api_name="/leaderboard")["votes"] == board["votes"] > 0
    with pytest.raises(AppError, match="There is no board “genre: <b>”"):
        client.predict("genre: <b>", api_name="/leaderboard")


def test_parts_are_left_out_for_judges_that_hear_a_song_as_a_whole(client: Any) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="pocket does not hear this song as a whole"):
        client.predict(handle_file(SONG), "pocket", True, api_name="/what_if")


def test_a_ranking_has_a_row_for_what_cannot_be_scored(client: Any) -> None:
    from gradio_client import handle_file

    files = [handle_file(str(ROOT / "README.md")), handle_file(str(SONG))]
    ranking = client.predict(songs=files, judge="pocket", keep=1, api_name="/rank")
    assert [row["file"] for row in ranking["rows"]] == ["bossa.ogg", "README.md"]


@pytest.mark.parametrize("name", ["score", "compare", "rank"])
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/passwd", "was not uploaded"),
        (str(ROOT / "app.py"), "was not uploaded"),
        ("http://127.0.0.1:9/song.ogg", "not fetched"),
        ("http://127.0.0.1:9/gradio_api/file=/etc/passwd", "not fetched"),
    ],
)
def test_a_file_that_was_not_uploaded_is_refused(api: httpx.Client, name: str, path: str, why: str) -> None:
    file = {"path": path, "meta": FILE_DATA}
    given = {"score": {"song": file}, "compare": {"a": file, "b": file}, "rank": {"songs": [file]}}[name]
    answer = api.post(f"/call/v2/{name}", json=given | {"judge": "pocket"})
    assert answer.status_code == 400
    assert why in answer.json()["detail"]


def uploaded(api: httpx.Client, file: Path) -> str:
    with file.open("rb") as content:
        return api.post("/upload", files={"files": content}).json()[0]


def test_what_is_no_song_is_answered_with_its_reason(api: httpx.Client) -> None:
    song = {"path": uploaded(api, ROOT / "README.md"), "meta": FILE_DATA}
    event = api.post("/call/v2/score", json={"song": song, "judge": "pocket"}).json()["event_id"]
    answer = api.get(f"/call/v2/score/{event}").text
    assert "event: error" in answer
    assert "This is not a sound file" in answer
    assert "Traceback" not in answer


def with_tools(api: httpx.Client, ask: Any) -> Any:
    """What `ask` makes of a session with the MCP server."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def main() -> Any:
        async with (
            streamable_http_client(f"{api.base_url}mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await ask(session)

    return run_coroutine(main())


def test_the_tools_are_the_six_and_say_what_they_take(api: httpx.Client) -> None:
    tools = with_tools(api, lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == NAMES
    assert all(len(tool.description) > 60 for tool in tools)
    given = [value for tool in tools for value in tool.inputSchema["properties"].values()]
    assert len(given) == 15
    assert all(value["description"] for value in given)
    assert {tool.name for tool in tools if tool.outputSchema} == {"score", "what_if", "compare", "rank"}


def test_a_tool_takes_several_uploads_by_their_addresses(api: httpx.Client) -> None:
    songs = [f"{api.base_url}file={uploaded(api, SONG.with_name(name))}" for name in ("bossa.ogg", "folk.ogg")]
    given = {"songs": songs, "judge": "pocket", "by": "likes"}
    answer = with_tools(api, lambda session: session.call_tool("rank", given))
    assert not answer.isError, answer.content
    assert '"by": "likes"' in answer.content[0].text
    assert answer.structuredContent == json.loads(answer.content[0].text)


def test_a_tool_takes_nothing_else(server: Running, api: httpx.Client) -> None:
    here, up = f"{api.base_url}file=", server.folder / "uploads"
    wrong = ["/etc/passwd", "data:audio/wav;base64,AAAA", "http://127.0.0.1:9/a.ogg"]
    songs = [*wrong, f"{here}/etc/passwd", f"{here}{up}/../log"]

    async def ask(session: Any) -> list[tuple[str, Any]]:
        return [
            *[(song, await session.call_tool("score", {"song": song})) for song in songs],
            *[(song, await session.call_tool("rank", {"songs": [song]})) for song in songs],
        ]

    for song, answer in with_tools(api, ask):
        assert answer.isError, song
        assert "Upload the file itself" in answer.content[0].text, song


def test_why_a_tool_refuses_is_told(api: httpx.Client) -> None:
    song = f"{api.base_url}file={uploaded(api, SONG)}"
    answer = with_tools(api, lambda session: session.call_tool("score", {"song": song, "judge": "apex"}))
    assert answer.isError
    assert "APEX is" in answer.content[0].text


@pytest.mark.parametrize("path", ["mcp/sse", "mcp/messages/", "mcp/x", "mcp/http/x"])
def test_other_ways_to_the_tools_are_closed(api: httpx.Client, path: str) -> None:
    assert api.post(path).status_code == 404
