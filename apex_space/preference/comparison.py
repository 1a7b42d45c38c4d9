"""Compares two songs by their reports: which one people would prefer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..core.axes import KEYS
from ..core.errors import PreferenceError
from ..judges.report import Report
from .head import Preference, PreferenceHead, revision_of
from .learned import LearnedModel
from .published_rules import RULES

Speaker = Literal["head", "rule", "votes"]
"""What a prediction is from: a preference head, a published rule, or votes."""
Models = Callable[[str, str, Sequence[str]], LearnedModel | None]
"""Gives a judge's model for scores by a revision of its weights on some axes; None if a preference head answers."""


def no_models(judge: str, revision: str, axes: Sequence[str]) -> LearnedModel | None:
    """Let the preference heads answer."""
    return None


def speaker(own: PreferenceHead | None, model: LearnedModel | None) -> Speaker:
    """Return what a prediction is from, by a model (if there is one) that began with the judge's `own` head (if any).

    Without a model, it is from a head.
    """
    if model is not None and model.votes:
        return "votes"
    return "rule" if own is None else "head"


def basis(judge: str, spoke: Speaker | None, model: LearnedModel | None) -> dict[str, Any]:
    """Return what a prediction is from, for JSON: with the figures of the published rule, if it is one."""
    rule = RULES.get(judge) if spoke == "rule" else None
    return {"spoke": spoke, "votes": model.votes if model else 0, "rule": rule and rule.as_dict()}


@dataclass(frozen=True)
class Comparison:
    """Reports on two songs by the `judge` that was asked, and the answer of the preference `head` or of a `model`.

    The `model` has learned from votes, or is what is known before any vote. It answers if there is one. Then `head` is
    the judge's own, with which it began, or None. `one_maker` says whether both songs are by one generator or artist:
    if they are not, a model is less sure. `weighed` are the reports that the answer is from, by the head's own judge.
    They are `a` and `b` if it was asked. `outdated` is true if the head was fitted on other weights of its judge than
    the ones that scored these songs.
    """

    a: Report
    b: Report
    judge: str
    head: PreferenceHead | None
    answer: Preference
    weighed: tuple[Report, Report]
    outdated: bool
    model: LearnedModel | None = None
    one_maker: bool = True

    @property
    def spoke(self) -> Speaker:
        """Return what the answer is from."""
        return speaker(self.head, self.model)

    @property
    def basis(self) -> dict[str, Any]:
        """Return what the answer is from, for JSON: with the figures of the published rule, if it is one."""
        return basis(self.judge, self.spoke, self.model)

    @property
    def weights(self) -> dict[str, float]:
        """Return the weight of each score in the answer."""
        if self.model is not None:
            return dict(zip(self.model.prior.axes, self.model.mean, strict=False))
        return dict(zip(self.head.axes, self.head.coefficients, strict=True)) if self.head else {}

    @property
    def fallback(self) -> bool:
        """Return whether the judge has no head of its own.

        If so, `head.judge` scored both songs as well, and the answer is from its head.
        """
        return self.head is not None and self.head.judge != self.judge

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
            "head": self.head and json.loads(self.head.to_json(revision_id=self.head.revision_id)),
            "a": self.a.as_dict(),
            "b": self.b.as_dict(),
            **self.basis,
            "model": self.model and self.model.version,
            "one_maker": self.one_maker,
        }


def compare_reports(
    head: PreferenceHead,
    reports: tuple[Report, Report],
    weighed: tuple[Report, Report] | None = None,
    one_maker: bool = True,
) -> Comparison:
    """Compare two songs by a preference head and the reports of one judge on both.

    `weighed` are the reports of the head's own judge, if that is another judge. Raises PreferenceError.
    """
    a, b = reports
    x, y = weighed or reports
    outdated = revision_of(x) != head.revision
    return Comparison(a, b, a.judge, head, head(x, y), (x, y), outdated, one_maker=one_maker)


def compare_by_model(
    head: PreferenceHead, reports: tuple[Report, Report], models: Models, one_maker: bool = True
) -> Comparison | None:
    """Compare two songs by the model of the judge that made both reports. None if there is none for these scores."""
    a, b = reports
    axes = [axis for axis in KEYS if None not in (a.scores.get(axis), b.scores.get(axis))]
    model = models(a.judge, revision_of(a), axes)
    if model is None:
        return None
    try:
        answer = model.of_songs(a.scores, b.scores, one_maker or a.sha256 == b.sha256)
    except PreferenceError:  # the model weighs a score that a song lacks
        return None
    own = head if head.judge == a.judge else None
    outdated = own is not None and not model.votes and revision_of(a) != own.revision
    return Comparison(a, b, a.judge, own, answer, reports, outdated, model, one_maker)
