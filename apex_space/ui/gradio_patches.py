"""What is changed in Gradio itself: one function a patch, each with the reason and Gradio's version."""

import time
from asyncio import Queue as AsyncQueue
from collections import OrderedDict
from typing import Any

from gradio import queueing
from gradio.queueing import Event
from gradio.server_messages import EventMessage, ProcessCompletedMessage

MAX_SESSIONS = 2000
"""Of those that no event waits or runs for; Gradio's own number."""
MAX_MESSAGES = 500
"""Of one session that nobody has read: the oldest go."""
UNREAD_SECONDS = 600.0
"""Time after a session's last message from which on nobody is expected to read it."""


class PendingMessages(OrderedDict[str, "AsyncQueue[EventMessage]"]):
    """Messages that sessions of `queue` have not read, the session without a message for the longest first.

    Before a session is added, those go that nothing waits or runs for: beyond MAX_SESSIONS, and after UNREAD_SECONDS.
    """

    def __init__(self, queue: "PatientQueue") -> None:
        super().__init__()
        self._queue = queue
        self._last: dict[str, float] = {}

    def __setitem__(self, session: str, messages: "AsyncQueue[EventMessage]") -> None:
        if session not in self:
            self._make_room()
        super().__setitem__(session, messages)
        self.touch(session)

    def __delitem__(self, session: str) -> None:
        super().__delitem__(session)
        self._last.pop(session, None)

    def touch(self, session: str) -> None:
        """The session got a message."""
        self.move_to_end(session)
        self._last[session] = time.monotonic()

    def _make_room(self) -> None:
        oldest, now = list(self), time.monotonic()
        for session in oldest:
            if len(self) < MAX_SESSIONS and now - self._last[session] < UNREAD_SECONDS:
                break
            if not self._queue.is_needed(session):
                del self[session]
                self._queue.pending_event_ids_session.pop(session, None)


class PatientQueue(queueing.Queue):
    """Gradio's own, with other bounds on the messages that it holds, and no error where a session is gone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pending_messages_per_session: Any = PendingMessages(self)

    def is_needed(self, session: str) -> bool:
        """Whether an event of the session waits or runs."""
        return not self.event_ids_to_events.keys().isdisjoint(self.pending_event_ids_session.get(session, ()))

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Put a message where the event's session reads it, if it still can."""
        session = event.session_hash
        messages = self.pending_messages_per_session.get(session)
        if messages is None:
            return
        super().send_message(event, event_message)
        self.pending_messages_per_session.touch(session)
        if messages.qsize() > MAX_MESSAGES and isinstance(lost := messages.get_nowait(), ProcessCompletedMessage):
            self.pending_event_ids_session.get(session, set()).discard(lost.event_id)


def keep_queue_going() -> None:
    """Let no number of sessions stop the queue; for all pages that are made in this process from now on.

    Gradio 6.31 keeps unread messages of 2000 sessions and drops those of the session that was opened first, even while
    its event waits. The next message to it raises KeyError in the task that starts events, which ends: from then on
    every event is answered with 503 "Queue is stopped." until a restart. Gradio also keeps the ids of events that were
    never read for ever, and any number of messages of one session.
    """
    queueing.Queue = PatientQueue  # type: ignore[misc]
