"""Compares two songs by their reports: which one people would prefer."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from ..judges.report import Report
from .head import Preference, PreferenceHead, revision_of


@dataclass(frozen=True)
class Comparison:
    """Reports on two songs by the `judge` that was asked, and the answer of the preference `head`.

    `weighed` are the reports that the answer is from, by the head's own judge. They are `a` and `b` if it was asked.
    `outdated` is true if the head was fitted on other weights of its judge than the ones that scored these songs.
    """

    a: Report
    b: Report
    judge: str
    head: PreferenceHead
    answer: Preference
    weighed: tuple[Report, Report]
    outdated: bool

    @property
    def fallback(self) -> bool:
        """Return whether the judge has no head of its own.

        If so, `head.judge` scored both songs as well, and the answer is from its head.
        """
        return self.head.judge != self.judge

    @property
    def same(self) -> bool:
        """Return whether both songs have the same samples."""
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
            "weighed": {side: dict(report.scores) for side, report in zip("ab", self.weighed, strict=True)},
            "head": json.loads(self.head.to_json(revision_id=self.head.revision_id)),
            "a": self.a.as_dict(),
            "b": self.b.as_dict(),
        }


def compare_reports(
    head: PreferenceHead, reports: tuple[Report, Report], weighed: tuple[Report, Report] | None = None
) -> Comparison:
    """Compare two songs by the reports of one judge on both.

    `weighed` are the reports of the head's own judge, if that is another judge. Raises PreferenceError.
    """
    a, b = reports
    x, y = weighed or reports
    return Comparison(a, b, a.judge, head, head(x, y), (x, y), revision_of(x) != head.revision)
