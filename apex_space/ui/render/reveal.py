"""Renders what a vote reveals: the songs, each judge's prediction, and how often it has agreed with people."""

from html import escape

from ...arena.agreement import AgreementReport
from ...core.i18n import tr
from ...judges.registry import REGISTRY
from ...storage.records import Prediction, Song, Vote, Winner
from .html import percent

SAID: dict[Winner, str] = {
    "a": "You preferred A.",
    "b": "You preferred B.",
    "tie": "You called it a tie.",
    "both_bad": "You found both bad.",
}
NOBODY = "No judge had scored both songs when you got them, so there is no prediction to compare with your vote."


def answered(winner: Winner) -> str:
    """Return the visitor's vote in words."""
    return tr(SAID[winner])


def reveal(vote: Vote, panel: AgreementReport) -> str:
    """Return the songs' names, then each judge's prediction and, from `panel`, how often it agreed with people."""
    battle = vote.battle
    names = "".join(_name(side, song, vote.winner) for side, song in (("a", battle.a), ("b", battle.b)))
    judged = "".join(
        f"<p>{_verdict_on(predicted, vote.winner)} {_record(panel, predicted.judge)}</p>"
        for predicted in battle.predictions
    )
    link = f'<p><a href="leaderboard">{tr("Leaderboard of songs and judges")}</a></p>'
    return f'<div class="named">{names}</div>{judged or f"<p>{tr(NOBODY)}</p>"}{link}'


def _name(side: str, song: Song, winner: Winner) -> str:
    preferred = " won" if side == winner else ""
    generator = f"<small>{escape(song.generator)}</small>" if song.generator else ""
    prompt = f"<p>{escape(song.prompt)}</p>" if song.prompt else ""
    place = tr("Song {side}", side=side.upper())
    title = f"<small>{place}</small><b>{escape(song.title or tr('Without a title'))}</b>"
    return f'<section class="name{preferred}">{title}{generator}{prompt}</section>'


def _verdict_on(predicted: Prediction, winner: Winner) -> str:
    chance, low, high = predicted.probability, predicted.low, predicted.high
    side = "a" if chance >= 0.5 else "b"
    if side == "b":
        chance, low, high = 1 - chance, 1 - high, 1 - low
    expected = tr(
        "{judge} expected {side}: {share} of people would prefer it (95% interval {low} to {high}{close}).",
        judge=f"<b>{_title(predicted)}</b>",
        side=side.upper(),
        share=percent(chance),
        low=percent(low),
        high=percent(high),
        close=tr(", too close to call") if low <= 0.5 else "",
    )
    return f"{expected} {_agreed(side, winner)}"


def _agreed(side: str, winner: Winner) -> str:
    if winner in ("tie", "both_bad"):
        return tr("You preferred neither. That counts neither for nor against it.")
    return tr("You agree.") if side == winner else tr("You disagree.")


def _record(panel: AgreementReport, judge: str) -> str:
    record = panel.judge(judge)
    if record is None:
        return tr("No decided vote has been counted for it yet.")
    share = record.agreed
    return tr(
        "So far it has agreed with people in {share} of {n} decided votes (95% interval {low} to {high}{preliminary}).",
        share=percent(share.value),
        n=record.decided,
        low=percent(share.low),
        high=percent(share.high),
        preliminary=tr("; preliminary, on so few votes") if record.preliminary else "",
    )


def _title(predicted: Prediction) -> str:
    entry = REGISTRY.get(predicted.judge)
    return escape(entry.title if entry else predicted.judge)
