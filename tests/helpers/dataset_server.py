"""As much of the Hub's protocol as its client speaks to commit small files to a dataset, kept in this process.

The real Hub takes parquet files through its large-file storage; here they come in the commit itself.
"""

import base64
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event

from helpers import loopback

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Datasets:
    """What was committed, and what goes wrong."""

    url: str = ""
    name: str | None = None
    """The one dataset, once it was made."""
    made_with: dict[str, object] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[list[str]] = field(default_factory=list)
    """Paths in each commit."""
    tokens: set[str | None] = field(default_factory=set)
    status: dict[str, int] = field(default_factory=dict)
    """End of a path -> the status that answers it."""
    keeps_and_is_silent: bool = False
    """Whether a commit is kept and then never answered."""
    closing: Event = field(default_factory=Event)


def serve() -> AbstractContextManager[Datasets]:
    """A Hub without datasets on a free port of this machine."""
    return loopback.serve(Datasets(), Handler)


class Handler(BaseHTTPRequestHandler):
    """The four routes: make a dataset, ask for it, announce files, commit them."""

    hub: Datasets
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read what was committed."""

    def do_GET(self) -> None:
        files = [{"rfilename": path} for path in self.hub.files]
        self.respond({"id": self.hub.name, "sha": COMMIT, "siblings": files})

    def do_POST(self) -> None:
        content = loopback.body(self)
        if self.path.endswith("/preupload/main"):
            files = [file["path"] for file in json.loads(content)["files"]]
            return self.respond(
                {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in files]}
            )
        if self.path == "/api/repos/create" and not self.fault():
            self.hub.made_with = asked = json.loads(content)
            self.hub.name = f"{asked['organization']}/{asked['name']}"
            return self.respond({"url": f"{self.hub.url}/datasets/{self.hub.name}"})
        if self.path.endswith("/commit/main") and not self.fault():
            self.keep([json.loads(line) for line in content.splitlines()])
            if self.hub.keeps_and_is_silent:
                self.hub.closing.wait(60)
                self.close_connection = True
                return None
        place = f"{self.hub.url}/datasets/{self.hub.name}/commit/{COMMIT}"
        return self.respond({"commitUrl": place, "commitOid": COMMIT, "success": True})

    def keep(self, lines: list[dict[str, dict[str, str]]]) -> None:
        files = [line["value"] for line in lines if line["key"] == "file"]
        self.hub.files |= {file["path"]: base64.b64decode(file["content"]) for file in files}
        self.hub.commits.append([file["path"] for file in files])

    def fault(self) -> int | None:
        return next((status for end, status in self.hub.status.items() if self.path.endswith(end)), None)

    def respond(self, value: object) -> None:
        self.hub.tokens.add(self.headers.get("Authorization"))
        status = self.fault() or (404 if self.hub.name is None else 200)
        content = json.dumps(value).encode()
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
