"""Lends judges for one song at a time, so that the number of judges in memory is bounded."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass

from .judge import Judge
from .queueing import LOOK_SECONDS


@dataclass(eq=False)
class _Loan:
    """A request for a judge. `judge` is None while it waits for a place in memory."""

    name: str
    judge: "Future[Judge] | None" = None


class JudgeLender:
    """Keeps at most `most` judges in memory. It is safe to use from many threads.

    `load` loads a judge by name. The judge that was not lent for the longest time makes place for another one; a judge
    that is lent stays. Places are given first come, first served.
    """

    def __init__(self, load: Callable[[str], Judge], most: int) -> None:
        self._load, self._most = load, most
        self._judges: OrderedDict[str, Future[Judge]] = OrderedDict()
        self._loans: list[_Loan] = []
        self._changed, self._turn = threading.Condition(), threading.Lock()

    @contextmanager
    def lend(self, name: str) -> Iterator[Iterator[Judge | None]]:
        """Lend a judge until the `with` block ends.

        Iterate to wait: it yields None twice a second, and at last the judge. Raises what loading the judge raises.
        Concurrent loans of a judge share one load; it continues if they stop waiting.
        """
        loan = _Loan(name)
        with self._changed:
            self._loans.append(loan)
        try:
            yield self._wait(loan)
        finally:
            with self._changed:
                self._loans.remove(loan)
                self._changed.notify_all()

    def states(self) -> dict[str, bool]:
        """Return, for each judge in memory, whether it is loaded completely."""
        with self._changed:
            return {name: judge.done() for name, judge in self._judges.items()}

    def _wait(self, loan: _Loan) -> Iterator[Judge | None]:
        while loan.judge is None:
            with self._changed:
                if self._changed.wait_for(lambda: self._has_place(loan), LOOK_SECONDS):
                    loan.judge = self._place(loan.name)
                    self._changed.notify_all()
                    break
            yield None
        while not loan.judge.done():
            yield None
            wait([loan.judge], LOOK_SECONDS)
        yield loan.judge.result()

    def _has_place(self, loan: _Loan) -> bool:
        first = next(each for each in self._loans if each.judge is None)
        return first is loan and (loan.name in self._judges or len(self._judges) < self._most or bool(self._idle()))

    def _idle(self) -> list[str]:
        """Return the judges in memory that are not lent, the one that was lent last at the end."""
        lent = {loan.judge for loan in self._loans}
        return [name for name, judge in self._judges.items() if judge.done() and judge not in lent]

    def _place(self, name: str) -> "Future[Judge]":
        """Return the judge, which begins to load if it is not in memory. An idle judge makes place for it."""
        if name not in self._judges:
            if len(self._judges) >= self._most:
                del self._judges[self._idle()[0]]
            self._judges[name] = Future()
            threading.Thread(target=self._fill, args=(name, self._judges[name]), name=name, daemon=True).start()
        self._judges.move_to_end(name)
        return self._judges[name]

    def _fill(self, name: str, place: "Future[Judge]") -> None:
        with self._turn:  # loading takes as much memory as a judge
            try:
                judge = self._load(name)
            except BaseException as error:
                with self._changed:
                    del self._judges[name]
                    self._changed.notify_all()
                place.set_exception(error)
            else:
                place.set_result(judge)
                with self._changed:
                    self._changed.notify_all()
