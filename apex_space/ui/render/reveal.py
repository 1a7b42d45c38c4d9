"""Renders what a vote reveals: the songs, each judge's prediction, and how often it has agreed with people."""

from collections.abc import Mapping
from html import escape
from typing import get_args

from ...arena.agreement import Agreement, AgreementReport
from ...core.i18n import plural, tr
from ...core.intervals import hit
from ...plots.arena import judge_title, song_text
from ...plots.taught import known_of
from ...preference.published_rules import RULES
from ...storage.records import Battle, Prediction, Side, Spoke, Vote, Winner
from .html import labelled, percent

SAID: dict[Winner, str] = {
    "a": "You preferred A.",
    "b": "You preferred B.",
    "tie": "You called it a tie.",
    "both_bad": "You found both bad.",
}
EXPLAIN = "You can say why, or take the vote back within {seconds:g} seconds."
STILL = "You can still say why."
UNDO = "You can take the vote back within {seconds:g} seconds."
WENT_BY: dict[Spoke, str] = {
    "scores": "It went mostly by its own scores.",
    "generators": "It went mostly by what voters think of these generators.",
}
NOBODY = "No judge had scored both songs when you got them, so there is no prediction to compare with your vote."


def answered(winner: Winner) -> str:
    """Return the visitor's vote in words."""
    return tr(SAID[winner])


def offered(winner: Winner, seconds: float) -> str:
    """Return the visitor's vote in words, and what can be done about it for some seconds."""
    return f"{answered(winner)} {tr(EXPLAIN if winner in ('a', 'b') else UNDO, seconds=seconds)}"


def kept(winner: Winner) -> str:
    """Return the visitor's vote in words, and what can be done about it when it cannot be taken back any more."""
    return f"{answered(winner)} {tr(STILL)}" if winner in ("a", "b") else answered(winner)


def reveal(vote: Vote, panel: AgreementReport | None, licences: Mapping[Side, str] = {}) -> str:
    """Return what each judge predicted and whether it was right, the songs' names, and the figures, which are folded.

    How often judges agreed with people is from `panel`, in which this vote is counted. It is left out without one. The
    sides with one of the `licences` can be downloaded.
    """
    battle = vote.battle
    names = "".join(_name(battle, side, vote.winner, licences.get(side, "")) for side in get_args(Side))
    judged = [_verdict_on(predicted, vote.winner, panel) for predicted in battle.predictions] or [tr(NOBODY)]
    voted = f'<span aria-hidden="true">{answered(vote.winner)}</span>'  # the page's status has said it already
    said = "".join(f"<p>{text}</p>" for text in [f"{voted} {judged[0]}", *judged[1:]])
    figures = "".join(f"<p>{_figures(predicted, panel)}</p>" for predicted in battle.predictions)
    folded = f"<details><summary>{tr('The figures')}</summary>{figures}</details>" if figures else ""
    link = f'<p><a href="leaderboard">{tr("Leaderboard of songs and judges")}</a></p>'
    return f'<div class="told">{said}</div><div class="named">{names}</div>{folded}{link}'


def foreseen(vote: Vote) -> list[tuple[str, float]]:
    """Return for each judge how right its prediction was: 1, 0, or 0.5 if it was even. A tie counts for nobody."""
    if vote.winner not in ("a", "b"):
        return []
    a_won = vote.winner == "a"
    return [(judge_title(each.judge), hit(each.probability, a_won)) for each in vote.battle.predictions]


def _name(battle: Battle, side: Side, winner: Winner, licence: str) -> str:
    song, won = battle.a if side == "a" else battle.b, side == winner
    chosen = f'<span class="chosen">✓ {tr("Your choice")}</span>' if won else ""
    generator = f"<small>{escape(song_text(song.generator))}</small>" if song.generator else ""
    prompt = f"<p>{escape(song_text(song.prompt))}</p>" if song.prompt else ""
    place = tr("Song {side}", side=side.upper())
    name = song_text(song.title) or tr("Without a title")
    title = f"<small>{place}</small><b>{escape(name)}</b>"
    link = _download(battle.id, side, name, licence) if licence else ""
    return f'<section class="name{" won" if won else ""}">{title}{generator}{prompt}{chosen}{link}</section>'


def _download(battle: str, side: Side, name: str, licence: str) -> str:
    text = tr("Download ({licence})", licence=licence)
    attributes = f'aria-label="{escape(labelled(text, name))}" download="{escape(name)}.mp3"'
    return f'<a class="download" href="arena/audio/{battle}/{side}.mp3" {attributes}>{escape(text)}</a>'


def _verdict_on(predicted: Prediction, winner: Winner, panel: AgreementReport | None) -> str:
    """Return in plain words what a judge predicted, by what, whether it was right, and how often it has been."""
    side, _, low, _ = _favourite(predicted)
    text = "{judge} was not sure. Its guess was {side}." if low <= 0.5 else "{judge} predicted {side}."
    guess = tr(text, judge=f"<b>{_title(predicted)}</b>", side=side.upper())
    so_far = _so_far(panel.judge(predicted.judge)) if panel else ""
    by = tr(WENT_BY[predicted.spoke]) if predicted.spoke else ""
    return " ".join(filter(None, (guess, _outcome(side, winner), by, so_far)))


def _favourite(predicted: Prediction) -> tuple[str, float, float, float]:
    """Return the side that a judge favours, and the chance of this side with its interval."""
    chance, low, high = predicted.probability, predicted.low, predicted.high
    return ("a", chance, low, high) if chance >= 0.5 else ("b", 1 - chance, 1 - high, 1 - low)


def _outcome(side: str, winner: Winner) -> str:
    if winner in ("tie", "both_bad"):
        return tr("That counts neither for nor against it.")
    return tr("It was right.") if side == winner else tr("It was wrong.")


def _so_far(record: Agreement | None) -> str:
    if record is None:
        return tr("No vote for A or B has been counted for it yet.")
    right = f"{record.agreed.value * record.decided:,.1f}".removesuffix(".0")  # an even prediction is half right
    return plural(
        record.decided,
        "So far it was right in {right} of {n} vote.",
        "So far it was right in {right} of {n} votes.",
        right=right,
    )


def _figures(predicted: Prediction, panel: AgreementReport | None) -> str:
    side, chance, low, high = _favourite(predicted)
    expected = tr(
        "{judge} expected {side}: {share} of people would prefer it (95% interval {low} to {high}{close}).",
        judge=f"<b>{_title(predicted)}</b>",
        side=side.upper(),
        share=percent(chance),
        low=percent(low),
        high=percent(high),
        close=tr(", too close to call") if low <= 0.5 else "",
    )
    learned = _learned(predicted)
    record = panel and panel.judge(predicted.judge)
    return " ".join(filter(None, (expected, learned, _agreed(record) if record else "")))


def _learned(predicted: Prediction) -> str:
    """Return how many votes had taught the prediction, or which published rule it is from."""
    if predicted.votes:
        return plural(predicted.votes, "It had learned from {n} vote.", "It had learned from {n} votes.")
    rule = RULES.get(predicted.judge)
    if rule is None or not predicted.spoke or "; head " in predicted.revision:
        return ""
    said = tr("No vote had taught it yet. It went by a published rule: the higher score wins.")
    return f"{said} {escape(known_of(rule))}"


def _agreed(record: Agreement) -> str:
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
    return escape(judge_title(predicted.judge))
