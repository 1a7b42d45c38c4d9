"""One hostile visitor, with bounded means: the server answers others, and neither its memory nor its disk is filled."""

import io
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pytest
import soundfile

from helpers import melodies
from helpers.paths import ROOT
from helpers.server import Running, running_app
from helpers.voter import Voter
from helpers.wait import until

MEGABYTE = 1_000_000
API = "/gradio_api"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    small = {"APEX_UPLOAD_MEGABYTES": "8", "APEX_UPLOADS_GIGABYTES": "0.03", "APEX_VISITOR_GIGABYTES": "0.02"}
    small |= {"APEX_PLACES": "4", "APEX_PROXIES": "1"}
    with running_app(tmp_path_factory.mktemp("server"), **small) as server:
        until(lambda: "the arena's pool" in server.log, seconds=60)  # later, the memory changes less
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    once = httpx.Limits(max_keepalive_connections=0)  # the server closes connections of those whom it refuses
    with httpx.Client(base_url=server.url, timeout=60, limits=once) as client:
        yield client


def memory(server: Running) -> float:
    """Resident memory of the server, in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def join(data: Any) -> bytes:
    return json.dumps({"data": data, "fn_index": 0, "session_hash": "attacker"}).encode()


def in_parts(body: bytes) -> Iterator[bytes]:
    """The body without a declared length."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.fixture(scope="module")
def large() -> bytes:
    return join(["x" * 60 * MEGABYTE])


@pytest.mark.parametrize("path", ["/queue/join", "/call/score", "/run/score", "/component_server", "/cancel", "/mcp/"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_is_refused_before_it_is_parsed(
    path: str, declared: bool, large: bytes, client: httpx.Client, server: Running
) -> None:
    before = memory(server)
    answer = client.post(
        API + path, content=large if declared else in_parts(large), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413 or (not declared and answer.status_code == 400)
    assert len(answer.content) < 500
    assert memory(server) < before + 100


def test_a_body_of_many_empty_lists_is_refused(client: httpx.Client) -> None:
    body = b'{"data": [' + b"[]," * 20_000_000 + b"[]]}"
    assert client.post(f"{API}/queue/join", content=body).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30])
def test_a_length_that_is_none_is_refused(length: str, server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"POST {API}/queue/join HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{{}}".encode()
        )
        assert connection.recv(100).split()[1] in (b"400", b"413")


@pytest.mark.parametrize("body", [b"[" * 900_000, b'{"data":' * 100_000, b"nonsense", b"null", b'{"data": "secret-7"}'])
def test_a_body_that_does_not_fit_is_refused_and_not_repeated(body: bytes, client: httpx.Client) -> None:
    answer = client.post(f"{API}/queue/join", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert "secret-7" not in answer.text
    assert len(answer.content) < 500


def test_files_are_taken_by_uploads_alone(client: httpx.Client, server: Running) -> None:
    files = {"files": ("song.wav", b"x" * 100_000)}
    assert client.post(f"{API}/component_server", files=files).status_code == 415
    assert not server.uploads("song")


def test_texts_and_other_fields_are_no_uploads_and_nothing_of_them_stays(client: httpx.Client, server: Running) -> None:
    for options in ({}, {"params": {"upload_id": "x"}}):
        text = client.post(f"{API}/upload", data={"files": "x" * 100_000}, files={"other": ("a.wav", b"a")}, **options)
        other = client.post(f"{API}/upload", files={"other": ("song.wav", b"x" * 100_000)}, **options)
        assert (text.status_code, other.status_code) == (400, 400)
    assert not server.uploads()


@pytest.mark.parametrize("declared", [True, False])
def test_uploads_have_a_limit_together(declared: bool, client: httpx.Client, server: Running) -> None:
    files = [("files", (f"{number}.wav", b"x" * 3 * MEGABYTE)) for number in range(3)]
    request = client.build_request("POST", f"{API}/upload", files=files)
    if not declared:
        body = request.read()
        headers = {"content-type": request.headers["content-type"]}
        request = client.build_request("POST", f"{API}/upload", content=in_parts(body), headers=headers)
    assert client.send(request).status_code == 413
    until(lambda: not server.uploads(), seconds=10)


def test_an_upload_that_breaks_off_leaves_nothing(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST {API}/upload HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        "content-length: 5000000\r\n\r\n--b\r\n"
        'content-disposition: form-data; name="files"; filename="song.wav"\r\n\r\n'
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + b"x" * MEGABYTE)
        until(lambda: bool(server.uploads()), seconds=10)
    until(lambda: not server.uploads(), seconds=10)


def test_what_makes_no_sense_is_refused_and_is_no_error_of_the_server(client: httpx.Client, server: Running) -> None:
    example = server.url + f"{API}/file={ROOT / 'apex_space' / 'arena' / 'examples' / 'folk.ogg'}"
    known = {"data": [], "session_hash": "a"}
    answers = {
        "referer": client.get("/", headers={"referer": "http://[::1"}),
        "ranges": client.get(example, headers={"range": "bytes=0-1,5-6"}),
        "backward range": client.get(example, headers={"range": "bytes=9-1"}),
        "odd range": client.get(example, headers={"range": "bytes=a-b"}),
        "icon": client.get("/pwa_icon/30000"),
        "function": client.post(f"{API}/queue/join", json=known | {"fn_index": 99_999}),
        "no function": client.post(f"{API}/queue/join", json=known),
        "name": client.post(f"{API}/run/nothing", json=known),
        "run function": client.post(f"{API}/run/predict", json=known | {"fn_index": 99_999}),
        "call": client.post(f"{API}/call/nothing", json={"data": []}),
        "call 2": client.post(f"{API}/call/v2/nothing", json={"data": []}),
        "call 2 without arguments": client.post(f"{API}/call/v2/compare", json={}),
        "call 2 with others": client.post(f"{API}/call/v2/compare", json={"secret-7": 1, "a": None, "b": []}),
        "component": client.post(
            f"{API}/component_server",
            json={"data": [], "component_id": 99_999, "fn_name": "issue", "session_hash": "a"},
        ),
        "method": client.post(
            f"{API}/component_server", json={"data": [], "component_id": 1, "fn_name": "__init__", "session_hash": "a"}
        ),
        "title": client.post(f"{API}/queue/join", json=known | {"fn_index": 0, "data": [None]}),
        "few inputs": client.post(f"{API}/queue/join", json=known | {"fn_index": 0, "data": ["secret-7" * 1000]}),
        "event": client.get(f"{API}/call/score/nothing"),
        "session": client.get(f"{API}/queue/data", params={"session_hash": "nothing"}),
        "view": client.get("/embed/nothing/config"),
        "file": client.get(f"{API}/file=/etc/passwd"),
        "nul": client.get(f"{API}/file=%00"),
        "long": client.get(f"{API}/file={'a' * 5000}"),
        "info": client.get(f"{API}/info", params={"page": "nothing"}),
        "heartbeat": client.post(f"{API}/heartbeat/nothing"),
    }
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code >= 500} == {}
    assert [name for name, answer in answers.items() if "secret-7" in answer.text] == []


def upload(client: httpx.Client, size: int, fill: int, sender: str) -> int:
    files = {"files": ("song.wav", bytes([fill]) * size)}
    return client.post(f"{API}/upload", files=files, headers={"x-forwarded-for": sender}).status_code


def test_neither_a_visitor_nor_all_together_fill_the_disk(client: httpx.Client, server: Running) -> None:
    greedy = [upload(client, 6 * MEGABYTE, fill, f"2001:db8:1:{fill}::1") for fill in range(5)]
    assert greedy == [200, 200, 200, 507, 507]
    others = [upload(client, 6 * MEGABYTE, fill, f"203.0.113.{fill}") for fill in range(10, 13)]
    assert others == [200, 507, 507]
    assert sum(file.stat().st_size for file in server.uploads()) <= 30 * MEGABYTE
    for file in server.uploads():
        file.unlink()
    assert upload(client, 1, 0, "2001:db8:1:1::1") == 200


def test_unpacked_songs_count_and_go_where_they_cannot_be_scored(client: httpx.Client, server: Running) -> None:
    def rank(entries: int, sender: str) -> str:
        content = io.BytesIO()
        with ZipFile(content, "w", ZIP_DEFLATED) as archive:
            for number in range(entries):
                archive.writestr(f"{number}.wav", bytes(3 * MEGABYTE))
        headers = {"x-forwarded-for": sender}
        files = {"files": ("songs.zip", content.getvalue())}
        (path,) = client.post(f"{API}/upload", files=files, headers=headers).json()
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = {"data": [[file], "pocket", "preference", 5, None]}
        asked = client.post(f"{API}/call/rank", json=body, headers=headers).json()
        return client.get(f"{API}/call/rank/{asked['event_id']}", headers=headers).text

    assert "than there is room for" in rank(7, "203.0.113.30")
    assert not server.uploads("0000")
    assert "not a sound file" in rank(2, "203.0.113.31")
    assert not server.uploads("0000")


def test_a_foreign_page_gets_no_battle_and_casts_no_vote(client: httpx.Client) -> None:
    voter = Voter(client)
    until(lambda: "battle" in voter.issue("203.0.113.40"), seconds=60, pause=0.2)
    for headers in ({"origin": "https://blog.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert "page of another site" in voter.call("issue", None, "203.0.113.41", **headers)["refused"]
        cast = {"battle": "a" * 32, "winner": "a", "heard": [5, 5]}
        assert "page of another site" in voter.call("vote", cast, "203.0.113.41", **headers)["refused"]
    own = client.base_url.netloc.decode()
    assert "battle" in voter.call("issue", None, "203.0.113.41", origin=f"http://{own}")


def test_every_answer_tells_the_browser_what_it_may_do(client: httpx.Client) -> None:
    for path in ("/", "/arena", "/healthz", "/r/nothing", "/gradio.js", f"{API}/info", "/nowhere", "/theme.css"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "origin" in headers["vary"].lower().split(", "), path
        assert (
            "object-src 'none'" in headers["content-security-policy"]
            or "default-src 'none'" in headers["content-security-policy"]
        )


def test_one_address_has_four_places_and_others_have_theirs(client: httpx.Client) -> None:
    """All join at the same time; a song of a minute takes longer than that."""
    song = melodies.melody(3, 60, 22_050, 1)
    content = io.BytesIO()
    soundfile.write(content, song, 22_050, format="WAV", subtype="PCM_16")
    (path,) = client.post(f"{API}/upload", files={"files": ("song.wav", content.getvalue())}).json()
    body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, "pocket"]}

    def ask(sender: str) -> httpx.Response:
        return client.post(f"{API}/call/score", json=body, headers={"x-forwarded-for": sender})

    with ThreadPoolExecutor(24) as threads:
        greedy = [threads.submit(ask, "203.0.113.1") for _ in range(20)]
        others = [threads.submit(ask, f"203.0.113.{number}") for number in range(2, 6)]
    statuses = Counter(each.result().status_code for each in greedy)
    assert statuses.keys() <= {200, 429}
    assert 4 <= statuses[200] < 12  # a place may become free meanwhile
    assert statuses[429] >= 8
    assert {each.result().status_code for each in others} == {200}
    refused = next(each.result() for each in greedy if each.result().status_code == 429)
    assert refused.headers["retry-after"]
    assert "requests of yours" in refused.text
    for each in (*greedy, *others):
        if each.result().status_code == 200:
            client.get(f"{API}/call/score/{each.result().json()['event_id']}")
