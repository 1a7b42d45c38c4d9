"""Scores both songs of battles, and saves the scores so that an interrupted run can continue."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.axes import KEYS
from ...core.errors import AudioError, PreferenceError
from ...core.tables import BadRow
from ...judges.judge import Judge
from ...storage.records import SongScores, Winner
from ..head import revision_of
from ..learned import Outcomes
from .fit import Battles
from .sources import AudioSource, BattleRow

if TYPE_CHECKING:
    from ...storage.vote_store import VoteStore


BEGINNING = '{"key": "'
"""Beginning of every line of a score log. A file that begins differently was not written by this program."""


class ScoreLog:
    """Scores in a file of JSON lines, by the audio's key and the judge's weights.

    Each score is written to the disk as soon as it is known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str, str], SongScores] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        except (OSError, ValueError) as error:
            raise PreferenceError(f"{path} cannot be read. Delete it, or choose another --out.") from error
        if not text.startswith(BEGINNING[: len(text)]):
            raise PreferenceError(f"{path} is there and holds no scores. Move it away, or choose another --out.")
        for line in text.splitlines():
            self._learn(line)
        self._torn = not text.endswith("\n") and text != ""

    def get(self, key: str, judge: str, revision: str) -> SongScores | None:
        """Return the scores of the clip with this key, or None if these weights did not score it."""
        return self._known.get((key, judge, revision))

    def add(self, key: str, scored: SongScores) -> None:
        """Add scores to the log. Raises PreferenceError if the file cannot be written."""
        line = json.dumps({"key": key, **asdict(scored)})
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._torn + line + "\n")
            self._torn = False
        except OSError as error:
            raise PreferenceError(
                f"{self._path} cannot be written ({error.strerror}). Choose another --out."
            ) from error
        self._learn(line)

    def _learn(self, line: str) -> None:
        try:
            plain = json.loads(line)
            key = plain.pop("key")
            scored = SongScores(**plain)
            self._known[key, scored.judge, scored.revision] = scored
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # the line was not complete when the machine stopped; its song is scored again


@dataclass(frozen=True)
class ScoredBattle:
    """A battle and the judge's scores of both songs."""

    a: SongScores
    b: SongScores
    winner: Winner
    generator_a: str = ""
    generator_b: str = ""


def score_battles(
    rows: Iterable[BattleRow | BadRow], judge: Judge, notebook: ScoreLog
) -> Iterator[ScoredBattle | BadRow]:
    """Score both songs of each battle that has a winner. Songs whose scores are in `notebook` are not scored again."""
    revision = revision_of(judge)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        if row.winner not in ("a", "b"):
            continue
        try:
            a, b = (_scores(clip, judge, revision, notebook) for clip in (row.a, row.b))
            yield ScoredBattle(a, b, row.winner, row.generator_a, row.generator_b)
        except AudioError as error:
            yield BadRow(row.name, str(error))


def _scores(clip: AudioSource, judge: Judge, revision: str, notebook: ScoreLog) -> SongScores:
    known = notebook.get(clip.key, judge.name, revision)
    if known is None:
        with clip.open() as path:
            report = judge(path)
        known = SongScores(report.sha256, judge.name, revision, report.scores)
        notebook.add(clip.key, known)
    return known


def from_votes(store: "VoteStore", judge: str) -> tuple[list[ScoredBattle], str]:
    """Return the space's own battles, and the revision of the judge's weights that scored their songs.

    A battle is left out if its vote is suspicious or if a song has no scores. If there are scores by several revisions,
    the revision that scored the most songs is taken. Raises PreferenceError if there are no scores.
    """
    scores = store.scores(judge)
    if not scores:
        raise PreferenceError(f"{judge} has scored none of the space's songs yet.")
    revision = Counter(scored.revision for scored in scores.values()).most_common(1)[0][0]
    known = {song: scored for song, scored in scores.items() if scored.revision == revision}
    battles = [
        ScoredBattle(known[battle.a.id], known[battle.b.id], vote.winner, battle.a.generator, battle.b.generator)
        for vote in store.votes()
        for battle in [vote.battle]
        if not vote.suspicion and battle.a.id in known and battle.b.id in known
    ]
    return battles, revision


def as_battles(battles: Sequence[ScoredBattle]) -> Battles:
    """Return the battles that a head can be fitted on: those with a winner, between different songs.

    Their axes are the ones on which all songs have scores.
    """
    decided = [h for h in battles if h.winner in ("a", "b") and h.a.song != h.b.song]
    songs = {scored.song: scored for h in decided for scored in (h.a, h.b)}
    axes = tuple(axis for axis in KEYS if all(scored.scores.get(axis) is not None for scored in songs.values()))
    number = {song: i for i, song in enumerate(songs)}
    scores = np.array([[scored.scores[axis] for axis in axes] for scored in songs.values()], float)
    pairs = np.array([(number[h.a.song], number[h.b.song]) for h in decided], int).reshape(-1, 2)
    differences = (scores[pairs[:, 0]] - scores[pairs[:, 1]]) if decided else np.zeros((0, len(axes)))
    won = np.array([h.winner == "a" for h in decided], float)
    return Battles(axes, Outcomes(differences, [(h.generator_a, h.generator_b) for h in decided], won, 1 - won, pairs))
