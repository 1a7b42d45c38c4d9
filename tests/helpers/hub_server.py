"""As much of the Hub's protocol as its client speaks to download a model, from folders on this disk, and to commit.

Faults are switched on by name, so that a test can cut a connection where it wants to.
"""

import base64
import hashlib
import json
import re
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from urllib.parse import unquote, urlsplit

from helpers import loopback

COMMIT = hashlib.sha1(b"the one commit of every repository").hexdigest()
KIND = "(models/|datasets/)"
POINTER = 134  # bytes of the text file that git keeps in place of a large one


def _set() -> Event:
    event = Event()
    event.set()
    return event


@dataclass
class Hub:
    """What is served, what goes wrong, and what was asked for."""

    repositories: dict[str, Path]
    """By their names; a dataset's begins with datasets/."""
    url: str = ""
    status: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Start of a path -> the status and X-Error-Code that answer it."""
    cut: set[str] = field(default_factory=set)
    """Files whose next download breaks off half way."""
    dies: bool = False
    """Whether nothing is answered any more once a download broke off."""
    dead: bool = False
    also: tuple[str, ...] = ()
    """Names that the list of files has as well, each with a petabyte."""
    silent: bool = False
    """Whether requests are taken and never answered."""
    gate: str = ""
    """The one token that files are handed to, where their terms must be accepted; all may see which files there are."""
    portal: bool = False
    """Whether every request gets a page of HTML, as behind a hotel's login."""
    released: Event = field(default_factory=_set)
    """Files wait for it, half a minute at most."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range of each request."""
    new: Path | None = None
    """Folder in which new repositories are made."""
    private: set[str] = field(default_factory=set)
    """Repositories that were made as private ones."""
    commit: str = COMMIT
    commits: list[list[str]] = field(default_factory=list)
    """Names of the files in each commit."""
    closing: Event = field(default_factory=Event)

    def downloads(self) -> list[str]:
        """Names of the files whose content was asked for."""
        return [path.rsplit("/", 1)[-1] for method, path, _ in self.asked if method == "GET" and "/resolve/" in path]


def serve(**repositories: Path) -> AbstractContextManager[Hub]:
    """Serve each folder as the repository `stand-in/NAME` on a free port of this machine."""
    return loopback.serve(Hub({f"stand-in/{name}": folder for name, folder in repositories.items()}), Handler)


class Handler(BaseHTTPRequestHandler):
    """The four routes: revision, tree, and HEAD and GET of a file."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read `Hub.asked`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        if self.hub.silent:
            self.hub.closing.wait(20)
        if self.hub.silent or self.hub.dead:
            return self.break_off()
        if self.hub.portal:
            return self.answer(b"<html>Room number?</html>", {"Content-Type": "text/html"})
        for start, (status, code) in self.hub.status.items():
            if path.startswith(start):
                return self.answer(b"", {"X-Error-Code": code}, status)
        routes: dict[str, Callable[..., None]] = {
            rf"/api/{KIND}([^/]+/[^/]+)/revision/(.+)": self.revision,
            rf"/api/{KIND}([^/]+/[^/]+)()": self.newest,
            rf"/api/{KIND}([^/]+/[^/]+)/tree/(.+)": self.tree,
            r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)": self.file,
        }
        for pattern, route in routes.items():
            if match := re.fullmatch(pattern, path):
                kind, name, revision, *rest = match.groups()
                repository, revision = f"{kind or ''}{name}".removeprefix("models/"), revision or "main"
                if repository not in self.hub.repositories:
                    return self.answer(b"", {"X-Error-Code": "RepoNotFound"}, 404)
                if revision not in ("main", self.hub.commit):
                    return self.answer(b"", {"X-Error-Code": "RevisionNotFound"}, 404)
                return route(repository, *rest)
        return self.answer(b"", {}, 404)

    def do_POST(self) -> None:
        content, path = loopback.body(self), unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, None))
        for start, (status, code) in self.hub.status.items():
            if path.startswith(start):
                return self.answer(b"", {"X-Error-Code": code}, status)
        if path == "/api/repos/create":
            return self.create(**json.loads(content))
        if path == "/api/validate-yaml":
            return self.answer_json({"errors": [], "warnings": []})
        repository, action = path.removeprefix("/api/models/").removesuffix("/main").rsplit("/", 1)
        if action == "preupload":
            names = [file["path"] for file in json.loads(content)["files"]]
            entries = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            return self.answer_json({"files": entries})
        return self.keep(repository, [json.loads(line) for line in content.splitlines()])

    def create(self, name: str, organization: str, visibility: str, **_: object) -> None:
        assert self.hub.new is not None
        repository = f"{organization}/{name}"
        if repository in self.hub.repositories:
            return self.answer(b"{}", {}, 409)
        self.hub.repositories[repository] = self.hub.new / name
        self.hub.repositories[repository].mkdir()
        if visibility == "private":
            self.hub.private.add(repository)
        return self.answer_json({"url": f"{self.hub.url}/{repository}"})

    def keep(self, repository: str, lines: list[dict[str, dict[str, str]]]) -> None:
        """Commit as the Hub does: only if nobody else has, since the parent that the client names."""
        header, *files = [line["value"] for line in lines]
        if header.get("parentCommit") not in (None, self.hub.commit):
            return self.answer(b"{}", {}, 412)
        for file in files:
            (self.hub.repositories[repository] / file["path"]).write_bytes(base64.b64decode(file["content"]))
        self.hub.commits.append([file["path"] for file in files])
        self.hub.commit = hashlib.sha1(self.hub.commit.encode()).hexdigest()
        place = f"{self.hub.url}/{repository}/commit/{self.hub.commit}"
        return self.answer_json({"commitUrl": place, "commitOid": self.hub.commit, "success": True})

    def revision(self, repository: str) -> None:
        names = [*self.files(repository), *self.hub.also]
        self.answer_json(
            {"id": repository, "sha": self.hub.commit, "siblings": [{"rfilename": name} for name in names]}
        )

    def newest(self, repository: str) -> None:
        self.revision(repository)

    def tree(self, repository: str) -> None:
        files = self.files(repository).items()
        listed = [{"type": "file", "path": name, **self.described(file)} for name, file in files]
        self.answer_json(
            [*listed, *({"type": "file", "path": name, "size": 10**15, "oid": ""} for name in self.hub.also)]
        )

    def files(self, repository: str) -> dict[str, Path]:
        """Its files by their paths in it."""
        folder = self.hub.repositories[repository]
        found = sorted(file for file in folder.rglob("*") if file.is_file())
        return {file.relative_to(folder).as_posix(): file for file in found}

    def described(self, file: Path) -> dict[str, object]:
        content = file.read_bytes()
        entry: dict[str, object] = {"size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        if file.suffix == ".json":
            return entry
        digest = hashlib.sha256(content).hexdigest()
        return entry | {"lfs": {"oid": digest, "size": len(content), "pointerSize": POINTER}}

    def file(self, repository: str, name: str) -> None:
        file, token = self.hub.repositories[repository] / name, self.headers.get("Authorization")
        if self.hub.gate and token != f"Bearer {self.hub.gate}":
            return self.answer(b"", {"X-Error-Code": "GatedRepo"}, 403 if token else 401)
        if not file.is_file():
            return self.answer(b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.hub.commit}, 404)
        if self.command == "GET":
            self.hub.released.wait(30)
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": self.hub.commit, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        if file.suffix != ".json":
            headers |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(content[start:], headers, 206 if start else 200, cut=name in self.hub.cut)
        return None

    def answer_json(self, value: object) -> None:
        self.answer(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer(self, content: bytes, headers: dict[str, str], status: int = 200, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if not cut:
            self.wfile.write(content)
            return
        self.hub.cut.clear()
        self.hub.dead = self.hub.dies
        self.wfile.write(content[: len(content) // 2])
        self.break_off()

    def break_off(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
