"""Says in a sentence what a judge's model of listeners was taught by."""

from ..core.i18n import plural, tr, translate
from ..judges.registry import REGISTRY
from ..preference.learned import LearnedModel
from ..preference.published_rules import COIN, RULES, PublishedRule


def taught(name: str, model: LearnedModel | None) -> str:
    """Return what taught a judge's model: votes, or a published rule."""
    judge = REGISTRY[name].title
    if model is not None and model.votes:
        return plural(
            model.votes,
            "How it was made: {n} vote in the Arena has taught what {judge}’s scores are worth. The Leaderboard shows "
            "how often such predictions were right.",
            "How it was made: {n} votes in the Arena have taught what {judge}’s scores are worth. The Leaderboard "
            "shows how often such predictions were right.",
            judge=judge,
        )
    said = tr(
        "How it was made: no vote has taught {judge} yet. It goes by a published rule: the higher score wins.",
        judge=judge,
    )
    return f"{said} {known_of(RULES[name])}"


def known_of(rule: PublishedRule) -> str:
    """Return how often a published rule was right, and how bad its chances were, if they were measured."""
    said = tr(
        "With {judge}’s scores this was right in {share} of {n} battles elsewhere ({source}).",
        judge=REGISTRY[rule.measured].title,
        share=f"{rule.accuracy:.0%}",
        n=f"{rule.battles:,}",
        source=translate(rule.source),
    )
    if rule.log_loss is None:
        return said
    return said + tr(
        " The chances that were published with it were worse than a coin’s there (log-loss {loss:.4f}; a coin has "
        "{coin:.4f}, and lower is better). So only {share} of the difference counts here, until votes teach more.",
        loss=rule.log_loss,
        coin=COIN,
        share=f"{rule.slope:.0%}",
    )
