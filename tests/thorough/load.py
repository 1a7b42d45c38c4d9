"""Visitors in numbers, on this machine alone: `PYTHONPATH=.:tests python tests/thorough/load.py`.

`--uploads 500` tells what songs leave.

`--attacker` adds a hostile visitor, who takes whatever the server gives to one address.

Each visitor opens the page, scores an example and then, again and again, a song of their own that nobody has sent
before, all by pocket. It prints what they met, and the server's memory and disk before and after.
"""

import argparse
import asyncio
import io
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import soundfile

from helpers.melodies import melody
from helpers.paths import ROOT
from helpers.server import Running, running
from helpers.wait import until

SECONDS = 120.0
"""Longer than anything may take."""
SAMPLE_RATE = 22_050
GRACE = 15.0
"""After the last answer the server still deletes what it was given."""


@dataclass
class Met:
    """What visitors met: seconds of each answer by its kind, refusals that said when to come back, and errors."""

    took: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "example": [], "own song": []})
    busy: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answers(self) -> int:
        return sum(map(len, self.took.values()))


def song(seed: int, seconds: float) -> bytes:
    """A wav that no other seed gives."""
    file = io.BytesIO()
    soundfile.write(file, melody(seed, seconds, SAMPLE_RATE), SAMPLE_RATE, format="WAV")
    return file.getvalue()


async def score(client: httpx.AsyncClient, content: bytes, met: Met, kind: str) -> None:
    """Upload a song and wait for its report."""
    started = time.monotonic()
    try:
        upload = (await client.post("gradio_api/upload", files={"files": ("song", content)})).raise_for_status()
        given = {"path": upload.json()[0], "meta": {"_type": "gradio.FileData"}}
        call = await client.post("gradio_api/call/score", json={"data": [given, "pocket"]})
        if call.status_code == 429:
            met.busy[kind] += 1
            await asyncio.sleep(float(call.headers["retry-after"]))
            return
        events = await client.get(f"gradio_api/call/score/{call.raise_for_status().json()['event_id']}")
        event, data = events.text.strip().rsplit("\n\n", 1)[-1].split("\n", 1)
        if event != "event: complete":
            raise ValueError(data)
        assert json.loads(data.removeprefix("data: "))[0]["scores"]["musicality"] is not None
        met.took[kind].append(time.monotonic() - started)
    except (httpx.HTTPError, ValueError, KeyError, AssertionError) as error:
        met.errors[f"{kind}: {type(error).__name__} {error}"[:200]] += 1


async def visit(url: str, seeds: Iterator[int], until: float, met: Met) -> None:
    """One visitor."""
    examples = itertools.cycle(sorted((ROOT / "apex_space" / "arena" / "examples").glob("*.ogg")))
    seed = next(seeds)
    sender = {"x-forwarded-for": f"10.0.{seed // 250}.{seed % 250}"}
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, headers=sender) as client:
        started = time.monotonic()
        page = await client.get("/")
        met.took["page"].append(time.monotonic() - started)
        assert page.status_code == 200
        await score(client, next(itertools.islice(examples, seed % 6, None)).read_bytes(), met, "example")
        while time.monotonic() < until:
            await score(client, song(next(seeds), 10), met, "own song")


async def attack(url: str, until: float, statuses: Counter[int]) -> None:
    """Large and senseless requests, uploads that break off, and as many places in the queue as there are."""
    sender = {"x-forwarded-for": "203.0.113.1"}
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, headers=sender) as client:

        async def broken() -> AsyncIterator[bytes]:
            yield b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.wav"\r\n\r\n' + b"x" * 5_000_000
            raise ConnectionError

        async def send(seed: int) -> None:
            upload = await client.post("gradio_api/upload", files={"files": ("song", song(seed, 60))})
            statuses[upload.status_code] += 1
            given = {"path": upload.json()[0], "meta": {"_type": "gradio.FileData"}}
            asked = await client.post("gradio_api/call/score", json={"data": [given, "pocket"]})
            statuses[asked.status_code] += 1

        async def post(path: str, content: Any, kind: str = "application/json") -> None:
            answer = await client.post(f"gradio_api/{path}", content=content, headers={"content-type": kind})
            statuses[answer.status_code] += 1

        for seed in itertools.count(10_000_000):
            if time.monotonic() > until:
                return
            attempts = [
                *(post("queue/join", b'{"data": [' + b"[]," * 2_000_000 + b"[]]}") for _ in range(4)),
                *(post("queue/join", b"[" * 900_000) for _ in range(4)),
                *(post("upload", broken(), "multipart/form-data; boundary=b") for _ in range(4)),
                *(send(seed) for _ in range(8)),
            ]
            for outcome in await asyncio.gather(*attempts, return_exceptions=True):
                statuses[0] += isinstance(outcome, Exception)


async def visits(url: str, visitors: int, seconds: float, attacker: bool) -> Met:
    """All of them, at once."""
    met, seeds, statuses = Met(), itertools.count(), Counter[int]()
    until = time.monotonic() + seconds
    hostile = [attack(url, until, statuses)] if attacker else []
    await asyncio.gather(*(visit(url, seeds, until, met) for _ in range(visitors)), *hostile)
    if attacker:
        print("the attacker's answers, by status (0: broken off):", dict(sorted(statuses.items())))
    return met


async def uploads(server: Running, number: int) -> Met:
    """So many songs, four at a time; what the server holds is printed ten times."""
    met, seeds = Met(), iter(range(number))

    async def send(client: httpx.AsyncClient) -> None:
        for seed in seeds:
            await score(client, song(seed, 3), met, "own song")
            if seed % max(1, number // 10) == 0:
                print(f"{seed:5} songs: {state(server)}", flush=True)

    async with httpx.AsyncClient(base_url=server.url, timeout=SECONDS) as client:
        await asyncio.gather(*(send(client) for _ in range(4)))
    return met


def state(server: Running) -> str:
    """Resident memory of the server, and what of uploads is on disk."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    memory = int(status.split("VmRSS:")[1].split()[0]) / 1e3
    files = [path.stat().st_size for path in (server.folder / "uploads").rglob("*") if path.is_file()]
    return f"{memory:.0f} MB of memory, {len(files)} uploads of {sum(files) / 1e6:.1f} MB"


def report(met: Met) -> str:
    """A line for each kind of answer."""
    lines = [
        f"{kind}: {len(took)} answers, median {statistics.median(took):.2f} s, "
        f"95% within {sorted(took)[int(0.95 * (len(took) - 1))]:.2f} s, longest {max(took):.2f} s"
        for kind, took in met.took.items()
        if took
    ]
    lines += [f"{kind}: {number} told to come back later" for kind, number in met.busy.items()]
    return "\n".join([*lines, f"errors: {met.errors.total()}", *map(str, met.errors.items())])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--visitors", type=int, default=50)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--uploads", type=int, help="send so many songs instead")
    options.add_argument("--attacker", action="store_true", help="add a hostile visitor")
    chosen = options.parse_args()
    places = {} if chosen.uploads else {"APEX_PROXIES": "1", "APEX_PLACES": "4"}
    with tempfile.TemporaryDirectory() as name, running(Path(name), "app.py", **places) as server:
        until(lambda: "loading" not in httpx.get(f"{server.url}/healthz").text, seconds=SECONDS)
        print(f"at the start: {state(server)}")
        if chosen.uploads:
            met = asyncio.run(uploads(server, chosen.uploads))
        else:
            met = asyncio.run(visits(server.url, chosen.visitors, chosen.seconds, chosen.attacker))
        print(report(met))
        time.sleep(GRACE)
        print(f"{GRACE:g} s later: {state(server)}")
    return int(bool(met.errors))


if __name__ == "__main__":
    sys.exit(main())
