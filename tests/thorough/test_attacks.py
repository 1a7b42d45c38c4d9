"""The attacks of tests/server/test_attacks.py at full size, and those on two servers or on a machine at its limits."""

import io
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pytest

from apex_space.arena.battles import MAX_UPLOADED
from apex_space.arena.fraud import LISTENERS
from apex_space.storage.vote_store import FILE, VoteStore
from helpers import melodies
from helpers.database import postgresql
from helpers.server import QUICK, Running, running
from helpers.voter import API, Voter
from helpers.wait import until

MEGABYTE = 1_000_000
LISTENING = float(QUICK["APEX_LISTENING_SECONDS"])
POCKETS_MEMORY = 1_500
"""MB that a server with pocket alone never needs more of."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"APEX_PROXIES": "1", "APEX_PLACES": "4", "APEX_UPLOADS_GIGABYTES": "1", "APEX_VISITOR_GIGABYTES": "0.3"}
    with running(tmp_path_factory.mktemp("server"), "app.py", **limits) as server:
        until(lambda: "the arena's pool" in server.log, seconds=60)
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    """It watches the memory, and that honest visitors get their page."""
    with httpx.Client(base_url=server.url, timeout=120) as client:
        yield client
        assert client.get("/").status_code == 200
    assert highest_memory(server) < POCKETS_MEMORY


def highest_memory(server: Running) -> float:
    """The most resident memory so far, in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def score(client: httpx.Client, song: bytes, sender: str) -> str:
    """The answer to a request to score a song, or the refusal."""
    headers = {"x-forwarded-for": sender}
    upload = client.post(f"{API}/upload", files={"files": ("song.wav", song)}, headers=headers)
    if upload.status_code != 200:
        return upload.text
    file = {"path": upload.json()[0], "meta": {"_type": "gradio.FileData"}}
    asked = client.post(f"{API}/call/score", json={"data": [file, "pocket"]}, headers=headers)
    return client.get(f"{API}/call/score/{asked.json()['event_id']}").text if asked.status_code == 200 else asked.text


def test_a_gigabyte_of_json(client: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"data": ["'
        for _ in range(1_000):
            yield b"x" * MEGABYTE

    answer = client.post(f"{API}/queue/join", content=body(), headers={"content-type": "application/json"})
    assert answer.status_code in (400, 413)


def test_many_files_for_a_component(client: httpx.Client, server: Running) -> None:
    files = [("files", (f"{number}.wav", bytes(49 * MEGABYTE))) for number in range(10)]
    assert client.post(f"{API}/component_server", files=files).status_code == 415
    assert not server.uploads()


def test_a_thousand_uploads_that_break_off(client: httpx.Client, server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST {API}/upload HTTP/1.1\r\nhost: {host}\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        "content-length: 5000000\r\n\r\n--b\r\n"
        'content-disposition: form-data; name="files"; filename="song.wav"\r\n\r\n'
    ).encode()

    def send(_: int) -> None:
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head + bytes(100_000))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(1_000)))
    until(lambda: not server.uploads(), seconds=30)


def test_bombs(client: httpx.Client, server: Running) -> None:
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.wav", bytes(45 * MEGABYTE))
    assert len(content.getvalue()) < MEGABYTE
    nested = io.BytesIO()
    with ZipFile(nested, "w", ZIP_DEFLATED) as archive:
        archive.writestr("inside.zip", content.getvalue())
    answers, most = [], [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            sizes = (file.stat().st_size for file in server.uploads() if file.exists())
            most[0] = max(most[0], sum(sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number, zipped in enumerate((content, content, nested)):
        headers = {"x-forwarded-for": f"203.0.113.{50 + number}"}
        files = {"files": ("songs.zip", zipped.getvalue() + bytes(number))}
        (path,) = client.post(f"{API}/upload", files=files, headers=headers).json()
        body = {"data": [[{"path": path, "meta": {"_type": "gradio.FileData"}}], "pocket", "preference", 5, None]}
        asked = client.post(f"{API}/call/rank", json=body, headers=headers).json()
        answers.append(client.get(f"{API}/call/rank/{asked['event_id']}", headers=headers).text)
    ended.set()
    watcher.join()
    assert "than there is room for" in answers[0]
    assert "than there is room for" in answers[1]
    assert "There is no song" in answers[2]
    assert most[0] < 400 * MEGABYTE
    assert not server.uploads("0000")


def test_ninety_joins_of_one_network_and_another_visitor(client: httpx.Client, tmp_path: Path) -> None:
    songs = [melodies.write(tmp_path / f"{seed}.wav", seed, seconds=20).read_bytes() for seed in range(10)]
    with ThreadPoolExecutor(91) as threads:
        greedy = [threads.submit(score, client, songs[number % 9], f"2001:db8::{number}") for number in range(90)]
        time.sleep(1)
        other = threads.submit(score, client, songs[9], "203.0.113.60")
        assert "event: complete" in other.result()
        answers = [each.result() for each in greedy]
    refused = sum("of yours" in answer for answer in answers)  # places or room on the disk
    assert refused > 45
    assert [answer for answer in answers if "event: complete" not in answer and "of yours" not in answer] == []


def test_battles_drawn_at_once_are_not_listened_to(client: httpx.Client, server: Running) -> None:
    voter = Voter(client)
    never_fetched = [voter.issue("203.0.113.70")["battle"] for _ in range(20)]
    time.sleep(8)
    assert all("refused" in voter.vote(battle, 5, "203.0.113.70") for battle in never_fetched)
    fetched = [voter.issue("203.0.113.71")["battle"] for _ in range(20)]
    for battle in fetched:
        voter.fetch(battle)
    time.sleep(8)
    assert all("said" in voter.vote(battle, 5, "203.0.113.71") for battle in fetched)
    with closing(VoteStore(f"sqlite:///{server.data / FILE}")) as store:
        heard = [vote for vote in store.votes() if "listened" not in vote.suspicion]
    assert len(heard) == LISTENERS  # of few songs, one of these may be the same pair again


def own_battle(client: httpx.Client, songs: list[bytes], sender: str) -> str:
    """Make a battle between one's own songs as the page does; gives its id."""
    headers = {"x-forwarded-for": sender}
    (event,) = (each["id"] for each in client.get("/config").json()["dependencies"] if each["api_name"] == "_own")
    files = [("files", (f"{number}.wav", song)) for number, song in enumerate(songs)]
    paths = client.post(f"{API}/upload", files=files, headers=headers).json()
    given = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    asked = {"data": given, "fn_index": event, "session_hash": sender}
    client.post(f"{API}/queue/join", json=asked, headers=headers).raise_for_status()
    answer = client.get(f"{API}/queue/data", params={"session_hash": sender}, headers=headers).text
    (battle,) = set(re.findall(r'"battle": ?"([\w-]+)"', answer))
    return str(battle)


def test_battles_of_two_networks_delete_nobody_elses(client: httpx.Client, tmp_path: Path) -> None:
    songs = [melodies.write(tmp_path / f"{seed}.wav", seed, seconds=2).read_bytes() for seed in (1, 2)]
    other = own_battle(client, songs, "203.0.113.80")
    busy = [own_battle(client, songs, f"2001:db8:{n % 2 + 1:x}:{n:x}::1") for n in range(MAX_UPLOADED + 10)]
    gone = [client.get(f"/arena/audio/{battle}/a.mp3").status_code == 410 for battle in (other, *busy)]
    assert not gone[0]
    assert sum(gone) == 11


def test_connections_that_say_nothing_are_closed_and_others_are_served(client: httpx.Client, server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(300)]
        for number, connection in enumerate(silent):
            connection.sendall(b"GET / HTTP/1.1\r\nx-a: "[: number % 20])
            connection.settimeout(60)
        assert client.get("/").status_code == 200
        assert all(connection.recv(1) == b"" for connection in silent)


def test_a_visitor_of_ipv6(tmp_path: Path) -> None:
    with (
        running(tmp_path, "app.py", host="[::1]", GRADIO_SERVER_NAME="[::1]") as started,
        httpx.Client(base_url=started.url, timeout=60) as client,
    ):
        assert client.get("/").status_code == 200
        assert client.get("/", headers={"host": "attacker.example"}).status_code == 421
        song = melodies.write(tmp_path / "song.wav", 1, seconds=5).read_bytes()
        assert "event: complete" in score(client, song, "")


def test_one_vote_counts_of_twenty_addresses_at_two_replicas(tmp_path: Path) -> None:
    with postgresql() as url, ExitStack() as stack:
        shared = {"APEX_DATABASE_URL": url, "APEX_PROXIES": "1", "APEX_SALT": "salt"}
        folders = [tmp_path / "one", tmp_path / "two"]
        for folder in folders:
            folder.mkdir()
        servers = [stack.enter_context(running(folder, "app.py", **shared)) for folder in folders]
        voters = [Voter(stack.enter_context(httpx.Client(base_url=server.url, timeout=60))) for server in servers]
        until(lambda: all("battle" in voter.issue("203.0.113.1") for voter in voters), seconds=90)
        battle = voters[0].issue("203.0.113.2")["battle"]
        assert "refused" in voters[1].vote(battle, LISTENING, "203.0.113.2")  # nobody has fetched the songs
        voters[1].fetch(battle)
        time.sleep(2 * LISTENING + 0.5)
        with ThreadPoolExecutor(20) as threads:
            answers = [
                *threads.map(
                    lambda number: voters[number % 2].vote(battle, LISTENING, f"198.51.100.{number}"), range(20)
                )
            ]
        assert sum("said" in answer for answer in answers) == 1


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in `folder`. Skips where this user may not make one."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.name != "posix" or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """Uploads and votes are refused with their reason, and taken again when there is room."""
    song = melodies.write(tmp_path / "song.wav", 1, seconds=5).read_bytes()
    with small_disk(tmp_path / "disk", 20) as disk:
        places = {"GRADIO_TEMP_DIR": str(disk / "uploads"), "APEX_DATA": str(disk / "data"), "APEX_PROXIES": "1"}
        with running(tmp_path, "app.py", **places) as started, httpx.Client(base_url=started.url, timeout=60) as client:
            voter = Voter(client)
            until(lambda: "battle" in voter.issue("203.0.113.1"), seconds=60)
            battle = voter.issue("203.0.113.2")["battle"]
            voter.fetch(battle)
            time.sleep(2 * LISTENING + 0.5)
            with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(bytes(4096))
            answer = client.post(f"{API}/upload", files={"files": ("song.wav", song)})
            assert answer.status_code == 507
            assert "disk is full" in answer.text
            refused = voter.vote(battle, LISTENING, "203.0.113.2")
            assert "refused" in refused
            assert client.get("/healthz").json()["alive"]
            assert client.get("/").status_code == 200
            (disk / "filler").unlink()
            assert "event: complete" in score(client, song, "203.0.113.3")
            assert "said" in voter.vote(battle, LISTENING, "203.0.113.2")


def test_a_memory_that_is_really_full(tmp_path: Path) -> None:
    """A song that needs more memory than there is has an answer, and the next one is scored."""
    import resource

    long, short = (melodies.write(tmp_path / f"{s}.wav", s, seconds=s).read_bytes() for s in (200, 5))
    with running(tmp_path, "app.py", APEX_PROXIES="1") as started:
        until(lambda: "the arena's pool" in started.log, seconds=60)
        with httpx.Client(base_url=started.url, timeout=120) as client:
            assert "event: complete" in score(client, short, "203.0.113.1")
            pages = int(Path(f"/proc/{started.process.pid}/statm").read_text().split()[5])
            most = pages * resource.getpagesize() + 20 * MEGABYTE
            before: Any = resource.prlimit(started.process.pid, resource.RLIMIT_DATA, (most, -1))
            assert "event: error" in score(client, long, "203.0.113.2")
            assert client.get("/healthz").json()["alive"]
            resource.prlimit(started.process.pid, resource.RLIMIT_DATA, before)
            assert "event: complete" in score(client, long, "203.0.113.3")
