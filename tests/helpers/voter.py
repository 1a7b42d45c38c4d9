"""Visitors of the arena without a browser: programs that ask as its page does, from any address behind a proxy."""

from typing import Any

import httpx

API = "/gradio_api"


class Voter:
    """One who asks the server that `client` knows."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        parts = client.get("/config").json()["components"]
        (self._battle,) = (part["id"] for part in parts if part["props"].get("elem_id") == "battle")

    def issue(self, address: str) -> Any:
        """The answer to a request for a battle."""
        return self.call("issue", None, address)

    def fetch(self, battle: str) -> None:
        """Load both songs."""
        for side in ("a", "b"):
            self.client.get(f"/arena/audio/{battle}/{side}.mp3").raise_for_status()

    def vote(self, battle: str, heard: float, address: str, winner: str = "a") -> Any:
        """The answer to a vote of somebody who says to have heard so many seconds of each song."""
        return self.call("vote", {"battle": battle, "winner": winner, "heard": [heard, heard]}, address)

    def call(self, name: str, data: Any, address: str, **headers: str) -> Any:
        """The answer of a function of the arena's page."""
        sent = {"data": data, "component_id": self._battle, "session_hash": address, "fn_name": name}
        headers = {"x-forwarded-for": address} | headers
        return self.client.post(f"{API}/component_server", json=sent, headers=headers).json()
