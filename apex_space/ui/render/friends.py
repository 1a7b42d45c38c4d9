"""Renders the votes on a battle for friends as HTML."""

from ...arena.friends import FriendReveal
from ...arena.ratings import FEW_VOTES
from ...core.i18n import plural, tr
from ...core.intervals import wilson
from ...storage.friend_battles import UNDECIDED, FriendBattle
from .html import note, percent, table
from .result import UNTITLED


def titles(battle: FriendBattle) -> tuple[str, str]:
    """Return what the owner calls both songs, with a number if that is the same. They are not safe as HTML."""
    first, second = (clip.title or tr(UNTITLED) for clip in battle.clips)
    return (f"{first} (1)", f"{second} (2)") if first == second else (first, second)


def said(found: FriendReveal) -> str:
    """Return the viewer's own vote in words."""
    if found.choice is None:
        return tr("This is your battle. Your friends vote; you see the votes here.")
    if found.choice == UNDECIDED:
        return tr("You could not decide between the two songs.")
    named = dict(zip((clip.id for clip in found.battle.clips), titles(found.battle), strict=True))
    return tr("You chose {title}.", title=named[found.choice])


def votes(found: FriendReveal) -> str:
    """Return the votes so far in sentences, with the interval of the share, and in a table."""
    first, second = titles(found.battle)
    counts = found.votes
    rows = ((first, str(counts.first)), (second, str(counts.second)), (tr("Cannot decide"), str(counts.undecided)))
    shown = "".join(map(note, _result(first, second, counts.first, counts.second)))
    if counts.undecided:
        shown += note(
            plural(
                counts.undecided,
                "{n} could not decide and is not counted here.",
                "{n} could not decide and are not counted here.",
            )
        )
    own = tr("These votes are for you and your friends. They never count on the leaderboard.")
    return shown + table(tr("Votes"), (tr("Song"), tr("Votes")), rows, "compact") + note(own)


def _result(first: str, second: str, won: int, lost: int) -> list[str]:
    """Return who won, and how sure that is. `won` and `lost` are the votes for the first and the second song."""
    if won < lost:
        return _result(second, first, lost, won)
    n = won + lost
    if not n:
        return [tr("Nobody has chosen one of the songs yet.")]
    share = wilson(won, n)
    span = {"low": percent(share.low), "high": percent(share.high)}
    if won == lost:
        chose = tr("{won} chose {first}, and {won} chose {second}.", won=won, first=first, second=second)
    else:
        chose = tr("{won} of {n} chose {title}.", won=won, n=n, title=first)
    if n < FEW_VOTES:
        sure = tr("With so few votes, it could be anything between {low} and {high} of all who might listen.", **span)
    else:
        sure = tr("Of all who might listen, it would be between {low} and {high}.", **span)
    told = tr("So most seem to prefer {title}.", title=first)
    if share.low <= 0.5:
        told = tr("So it is too early to say which one more people prefer.")
    return [chose, f"{sure} {told}"]
