"""Two reports -> a comparison: which song people would prefer."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from ..judges.report import Report
from .head import Preference, PreferenceHead, revision_of


@dataclass(frozen=True)
class Comparison:
    """The reports of the `judge` that was asked on two songs, and the answer of the preference `head`.

    `outdated`: the head was fitted on other weights of its judge than those that scored these songs.
    """

    a: Report
    b: Report
    judge: str
    head: PreferenceHead
    answer: Preference
    outdated: bool

    @property
    def fallback(self) -> bool:
        """Whether the judge has no head of its own: then `head.judge` scored both songs, too, and its head answers."""
        return self.head.judge != self.judge

    @property
    def same(self) -> bool:
        """Whether both songs have the same samples."""
        return self.a.sha256 == self.b.sha256

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "judge": self.judge,
            **asdict(self.answer),
            "verdict": self.answer.verdict,
            "same": self.same,
            "fallback": self.fallback,
            "outdated": self.outdated,
            "head": json.loads(self.head.to_json(revision_id=self.head.revision_id)),
            "a": self.a.as_dict(),
            "b": self.b.as_dict(),
        }


def compare_reports(
    head: PreferenceHead, reports: tuple[Report, Report], weighed: tuple[Report, Report] | None = None
) -> Comparison:
    """Compare two songs by the reports of one judge on both.

    `weighed` are the reports of the head's own judge, where that is another one. Raises PreferenceError.
    """
    a, b = reports
    x, y = weighed or reports
    return Comparison(a, b, a.judge, head, head(x, y), revision_of(x) != head.revision)
