"""A visitor of the arena in a real browser, who plays, listens and presses keys."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Listener:
    """The open page, and all answers of the server to it."""

    page: Any
    answers: list[Any] = field(default_factory=list)

    def status(self, text: str, timeout: float = 60_000) -> None:
        self.page.locator("#battle .status", has_text=text).wait_for(timeout=timeout)

    def sounding(self) -> list[str]:
        """The sides that play."""
        script = "songs => songs.filter(s => !s.querySelector('audio').paused).map(s => s.dataset.side)"
        return self.page.locator("#battle .song").evaluate_all(script)

    def heard(self, side: str) -> float:
        """The meter's seconds."""
        return self.page.evaluate(f"document.querySelector('#battle [data-side={side}] progress').value")

    def open(self) -> bool:
        """Whether one can vote."""
        buttons = self.page.locator("#battle [data-winner]")
        states = {buttons.nth(index).is_enabled() for index in range(buttons.count())}
        assert len(states) == 1
        return states.pop()

    def listen(self) -> None:
        """To as much of both songs as a vote takes, by keyboard."""
        for key, said in (("ArrowLeft", "Song A is heard"), ("ArrowRight", "Both heard")):
            self.page.keyboard.press(key)
            self.status(said)

    def sent(self) -> str:
        """The page as it stands, and all that the server sent for it: addresses, headers and bodies."""
        parts = [self.page.content()]
        for answer in self.answers:
            if "/heartbeat/" in answer.url:  # a stream that ends with the visit
                continue
            body = answer.body() if answer.status == 200 and "/assets/" not in answer.url else b""
            parts += [answer.url, str(answer.all_headers()), body.decode("latin-1")]
        return "\n".join(parts)
