"""One flat row for each vote: what `vote_io` writes to files, and how it is checked when it is read.

Predictions, scores and kinds are JSON texts in a row, and tags are words with spaces between. Times are seconds since
1970 (UTC). A voter's hash is in no row.
"""

import csv
import json
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TextIO, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    FiniteFloat,
    Json,
    ValidationError,
    model_validator,
)

from ..core.text import escape_formula, sanitize
from .database import storable
from .identity import DAY
from .records import (
    MAX_KIND_LENGTH,
    MAX_KINDS,
    TEXTS,
    Battle,
    Prediction,
    Song,
    SongScores,
    Source,
    Spoke,
    Tag,
    Vote,
    Winner,
)
from .vote_store import DatedScores

YEAR_10000 = datetime(9999, 12, 31, tzinfo=UTC).timestamp() + DAY
OLD_WORDS = {"own": "uploaded", "bad": "both_bad"}
"""Names of a source and a winner in exports of version 0.1.0 -> their names today."""

Row = Mapping[str, Any]


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("Input should be a number")
    return value


def _check_storable(text: str) -> str:
    if not storable(text):
        raise ValueError("Input should hold no NUL and no lone surrogate")
    return text


def _check_tags(text: str) -> str:
    if not {*text.split()} <= {*get_args(Tag)}:
        raise ValueError(f"Input should be some of {' '.join(get_args(Tag))}")
    return text


def _check_kind(text: str) -> str:
    if not text or sanitize(text) != text or len(text) > MAX_KIND_LENGTH:
        raise ValueError(f"Input should be one line of 1 to {MAX_KIND_LENGTH} visible characters")
    return text


Text = Annotated[str, AfterValidator(_check_storable)]
Word = Annotated[Text, Field(min_length=1)]
Kind = Annotated[str, AfterValidator(_check_kind)]
# A song that was in the tables of several pools has more. Nobody could import such an export if that were an error.
Kinds = Json[Annotated[dict[Kind, Kind], AfterValidator(lambda kinds: dict([*kinds.items()][:MAX_KINDS]))]]
Number = Annotated[FiniteFloat, BeforeValidator(_no_boolean)]
Seconds = Annotated[Number, Field(ge=0)]
Time = Annotated[Seconds, Field(lt=YEAR_10000)]
"""In seconds since 1970. Milliseconds are beyond the bound."""
Share = Annotated[Number, Field(ge=0, le=1)]
Renamed = BeforeValidator(lambda value: OLD_WORDS.get(value, value) if isinstance(value, str) else value)


class _PredictionRow(BaseModel):
    """A judge's prediction, as it is in a row."""

    judge: Word
    head: Word
    revision: Word
    probability: Share
    low: Share
    high: Share
    votes: Annotated[int, Field(ge=0)] = 0
    spoke: Spoke = ""


class _ScoresRow(BaseModel):
    """A judge's scores of one of the songs, as they are in a row."""

    at: Time
    song: Word
    judge: Word
    revision: Word
    scores: dict[str, Number | None]


class _VoteRow(BaseModel):
    """A row of a file, with the columns of COLUMNS; further ones are ignored."""

    battle: Word
    source: Annotated[Source, Renamed]
    issued: Time
    at: Time
    winner: Annotated[Winner, Renamed]
    a_id: Word
    a_title: Text
    a_generator: Text
    a_prompt: Text
    b_id: Word
    b_title: Text
    b_generator: Text
    b_prompt: Text
    heard_a: Seconds
    heard_b: Seconds
    suspicion: Text
    predictions: Json[list[_PredictionRow]]
    scores: Json[list[_ScoresRow]]
    changed: Time = 0.0
    tags: Annotated[str, AfterValidator(_check_tags)] = ""
    a_kinds: Kinds = {}
    b_kinds: Kinds = {}

    @model_validator(mode="after")
    def _check_songs(self) -> "_VoteRow":
        for each in self.scores:
            if each.song not in (self.a_id, self.b_id):
                raise ValueError(f"the scores are of a song that is not in the battle, {each.song!r}")
        return self

    def vote(self) -> Vote:
        """Return the vote. Its voter is not known."""
        a = Song(self.a_id, self.a_title, self.a_generator, self.a_prompt, self.a_kinds)
        b = Song(self.b_id, self.b_title, self.b_generator, self.b_prompt, self.b_kinds)
        predictions = tuple(Prediction(**vars(each)) for each in self.predictions)
        battle = Battle(self.battle, a, b, self.source, self.issued, predictions)
        heard = self.heard_a, self.heard_b
        tags = cast(tuple[Tag, ...], tuple(sorted({*self.tags.split()})))
        return Vote(battle, self.winner, self.at, heard, suspicion=self.suspicion, changed=self.changed, tags=tags)

    def dated_scores(self) -> list[DatedScores]:
        """Return the scores of the battle's songs."""
        return [(each.at, SongScores(each.song, each.judge, each.revision, each.scores)) for each in self.scores]


COLUMNS: dict[str, type] = {
    name: float if field.annotation is float else str for name, field in _VoteRow.model_fields.items()
}
"""Name -> type of each column, in the order of the files."""
REQUIRED = tuple(name for name, field in _VoteRow.model_fields.items() if field.is_required())
"""The columns of exports of all versions."""
PUBLIC = ("day", "winner", *(f"{side}_{name}" for side in "ab" for name in (*TEXTS, "kinds")), "predictions")
"""Columns of the files for everybody."""
JSON = ("predictions", "a_kinds", "b_kinds")
"""Those of them that are JSON texts."""
PUBLIC_DIGITS = 2
LEARNED = re.compile(r"(; (?:learned|rule)) \S+$")
"""Matches the version of a learned model, at the end of a prediction's revision."""


def parse_row(row: Row | str) -> tuple[Vote, list[DatedScores]]:
    """Return a vote and the scores of its songs. Raises ValueError, which says what is wrong in the row."""
    try:
        read = _VoteRow.model_validate_json(row) if isinstance(row, str) else _VoteRow.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the row"
        given = "" if first["type"] == "missing" else f", not {reprlib.repr(first['input'])}"
        raise ValueError(f"{place}: {first['msg'].removeprefix('Value error, ')}{given}") from error
    return read.vote(), read.dated_scores()


def to_rows(votes: Iterable[Vote], scored: Mapping[str, list[DatedScores]]) -> Iterator[Row]:
    """Yield a flat row for each vote. `scored` holds the judges' scores of songs, by the song's id."""
    for vote in votes:
        battle = vote.battle
        known = [(at, each) for song in {battle.a.id: 0, battle.b.id: 0} for at, each in scored.get(song, ())]
        yield {
            "battle": battle.id,
            "source": battle.source,
            "issued": battle.issued,
            "at": vote.at,
            "winner": vote.winner,
            **{f"a_{name}": getattr(battle.a, name) for name in TEXTS},
            **{f"b_{name}": getattr(battle.b, name) for name in TEXTS},
            "heard_a": vote.heard[0],
            "heard_b": vote.heard[1],
            "suspicion": vote.suspicion,
            "predictions": to_json([vars(prediction) for prediction in battle.predictions]),
            "scores": to_json([vars(each) | {"at": at, "scores": dict(each.scores)} for at, each in known]),
            "changed": vote.changed,
            "tags": " ".join(vote.tags),
            "a_kinds": to_json(dict(battle.a.kinds)),
            "b_kinds": to_json(dict(battle.b.kinds)),
        }


def public_rows(votes: Iterable[Vote]) -> list[Row]:
    """Return the rows of votes for everybody, with the columns PUBLIC.

    They hold the day instead of times. Neither their order nor what a model had learned says anything of the time
    within a day.
    """
    votes = [replace(vote, battle=_undated(vote.battle)) for vote in votes]
    days = (f"{datetime.fromtimestamp(vote.at, UTC):%Y-%m-%d}" for vote in votes)
    rows = [{"day": day, **row} for day, row in zip(days, to_rows(votes, {}), strict=True)]
    return sorted(({name: row[name] for name in PUBLIC} for row in rows), key=lambda row: [*map(str, row.values())])


def _undated(battle: Battle) -> Battle:
    """Leave out of the predictions how many votes had taught them, and which version of a model made them."""
    predictions = (
        replace(
            each,
            revision=LEARNED.sub(r"\1", each.revision),
            votes=0,
            **{name: round(getattr(each, name), PUBLIC_DIGITS) for name in ("probability", "low", "high")},
        )
        for each in battle.predictions
    )
    return replace(battle, predictions=tuple(predictions))


def print_public_csv(file: TextIO, rows: Iterable[Row]) -> None:
    """Write rows for everybody as csv to an open file."""
    writer = csv.DictWriter(file, PUBLIC)
    writer.writeheader()
    writer.writerows({name: escape_formula(text) for name, text in row.items()} for row in rows)


def print_public_jsonl(file: TextIO, rows: Iterable[Row]) -> None:
    """Write rows for everybody as lines of JSON to an open file."""
    file.writelines(to_json({**row, **{name: json.loads(row[name]) for name in JSON}}) + "\n" for row in rows)


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
