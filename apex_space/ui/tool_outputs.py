"""What the tools for songs return, as JSON schemas for MCP clients. docs/api.md says the same for people.

Later versions may add fields, so a schema allows more of them than it names.
"""

from typing import Any

from ..core.axes import KEYS
from ..judges.report import LEVEL

Schema = dict[str, Any]

AXES = ", ".join(KEYS)


def _value(kind: str, meaning: str, known: bool = True) -> Schema:
    """Describe a plain value, which may be null unless it is always `known`."""
    return {"type": kind if known else [kind, "null"]} | ({"description": meaning} if meaning else {})


def _object(meaning: str, known: bool = True, /, **fields: Schema) -> Schema:
    """Describe an object that has all these fields."""
    return _value("object", meaning, known) | {"properties": fields, "required": [*fields]}


def _named(each: Schema, meaning: str) -> Schema:
    """Describe an object whose names are not always the same: axes or judges."""
    return _value("object", meaning) | {"additionalProperties": each}


def _list(each: Schema, meaning: str) -> Schema:
    return _value("array", meaning) | {"items": each}


def _either(one: Schema, other: Schema) -> Schema:
    return {"type": "object", "anyOf": [one, other]}


_SCORES = _named(_value("number", "", False), f"A score for each axis ({AXES}), or null if the judge has none")
_DIFFERENCES = _named(_value("number", ""), "How much higher each score is, by axis")
_WEIGHTS = _list(
    _object("", repository=_value("string", ""), revision=_value("string", "")),
    "What the judge's networks are",
)
_SCALE = _object(
    "Range and unit. The ends are null if there are no bounds",
    low=_value("number", "", False),
    high=_value("number", "", False),
    unit=_value("string", ""),
)
_HASH = _value("string", "Hash of the decoded samples (sha256)")
_MADE = _value("string", "When it was made (UTC, ISO 8601)")
_FILE = _value("string", "Name of the song's file")
_JUDGE = _value("string", "Name of the judge")
REPORT = _object(
    "A judge's report on a song",
    file=_FILE,
    judge=_JUDGE,
    scores=_SCORES,
    missing=_named(_value("string", ""), "Why a score is null, by axis"),
    intervals=_named(
        _object("", level=_value("number", ""), low=_value("number", ""), high=_value("number", "")),
        f"The interval that held the truth for {LEVEL:.0%} of songs, by axis, where the judge knows one",
    ),
    percentile=_value("object", "Where the scores are among those of reference songs; null without such songs", False),
    together=_value("object", "How popularity and aesthetics go together among them; null if they are too few", False),
    scales=_named(_SCALE, "Range and unit of each score"),
    segments=_list(
        _object(
            "",
            start=_value("number", "In seconds"),
            end=_value("number", "In seconds"),
            counts=_value("boolean", "Whether it counts in the song's scores"),
            lift=_named(_value("number", ""), "How much higher the song's scores are than without it, by axis"),
        ),
        f"Parts of the song. Each has its scores, too, under the names of the axes ({AXES})",
    ),
    passages=_value("object", "The best and the weakest 30 seconds by each score, and whether they stand out"),
    windows=_value("object", "The scores of every 30 seconds; null if the judge cannot tell them", False),
    features=_value("object", "What was measured, not predicted: tempo, key, loudness and so on"),
    turned_down=_named(_value("number", ""), "By how many dB streaming services play the song quieter"),
    duration=_value("number", "Length of the song in seconds"),
    weights=_WEIGHTS,
    precision=_value("string", "Precision of the networks"),
    sha256=_HASH,
    version=_value("string", "Version of this program"),
    made=_MADE,
    units=_named(_value("string", ""), "Units of the numbers that are no scores"),
)
PANEL = _object(
    "The reports of all judges on a song",
    reports=_list(_value("object", ""), "One of each judge, as for a single judge"),
    range=_named(
        _value("number", "", False), "The highest score minus the lowest as a share of the axis; null below two judges"
    ),
    disputed=_value("string", "The axis on which the judges differ most", False),
    absent=_named(_value("string", ""), "Why a judge has no report, by its name"),
)
_CHANCE = {
    "probability": _value("number", "Chance that people prefer A to B"),
    "low": _value("number", "Low end of its 95% interval"),
    "high": _value("number", "High end of its 95% interval"),
    "contributions": _named(_value("number", ""), "Parts of the log-odds by axis; above 0 they speak for A"),
}
_BASIS = {
    "spoke": _value("string", "What it is from: head, rule or votes; null if songs are ranked by a score", False),
    "votes": _value("integer", "Number of votes that it learned from"),
    "rule": _value("object", "Figures of the published rule that answers, if one does", False),
}
COMPARISON = _object(
    "Which of two songs people would prefer",
    **_CHANCE,
    **_BASIS,
    judge=_JUDGE,
    verdict=_value("string", "a, b, or close: the interval contains 0.5"),
    same=_value("boolean", "Whether both are the same sound"),
    one_maker=_value("boolean", "Whether both are by one generator or artist, as the caller said"),
    a=_value("object", "The report on song A, as score returns it"),
    b=_value("object", "The report on song B, as score returns it"),
)
PANEL_COMPARISON = _object(
    "Which of two songs people would prefer, by all judges",
    answers=_named(_object("", **_CHANCE, **_BASIS), "The answer by each judge"),
    without=_named(_value("string", ""), "Why a judge has no answer, by its name"),
    differences=_named(_named(_value("number", ""), ""), "The score of A minus that of B, by axis and judge"),
    absent=_named(_value("string", ""), "Why a judge has no report, by its name"),
    a=_value("object", "The panel's reports on song A, as score returns them"),
    b=_value("object", "The panel's reports on song B, as score returns them"),
)
WHAT_IF = _object(
    "How far changes of a song move its scores",
    file=_FILE,
    judge=_JUDGE,
    duration=_value("number", "Length of the song in seconds"),
    seconds=_value("number", "How much of it was tried"),
    scores=_SCORES,
    noise_floor=_named(_value("number", ""), "The largest difference that a harmless change makes, by axis"),
    **dict.fromkeys(
        ("changes", "harmless"),
        _list(
            _object(
                "",
                name=_value("string", ""),
                title=_value("string", "What it does"),
                note=_value("string", "What was done to this song"),
                differences=_DIFFERENCES,
                heard=_list(_value("string", ""), "The axes whose difference is above the noise floor"),
            ),
            "What was tried",
        ),
    ),
    left_out=_list(
        _object("", name=_value("string", ""), title=_value("string", ""), reason=_value("string", "")),
        "Changes that do not apply to this song",
    ),
    scales=_named(_SCALE, "Range and unit of each score"),
    weights=_WEIGHTS,
    sha256=_HASH,
    made=_MADE,
)
RANKING = _object(
    "Songs, the best first",
    **_BASIS,
    judge=_JUDGE,
    by=_value("string", "What they are ranked by: preference, or an axis"),
    scale=_SCALE,
    level=_value("number", "Level of the intervals"),
    keep=_value("integer", "How many are kept"),
    border=_value("object", "The last song that is kept and the first that is not; null if all are kept", False),
    rows=_list(
        _object(
            "",
            file=_FILE,
            group=_value("string", "The song's group, or empty"),
            rank=_value("integer", "Null if it has none, with the reason in error", False),
            value=_value("number", "What it is ranked by", False),
            low=_value("number", "Low end of its interval", False),
            high=_value("number", "High end of its interval", False),
            kept=_value("boolean", ""),
            undecided=_value("boolean", "Whether it is too close to the border to be sure"),
            same_as=_value("string", "An earlier song with the same sound, or empty"),
            error=_value("string", "Why it has no rank, or empty"),
            report=_value("object", "The judge's report, as score returns it, or null", False),
        ),
        "One for each song",
    ),
    weights=_WEIGHTS,
    version=_value("string", "Version of this program"),
    made=_MADE,
)
OUTPUTS = {
    "/score": _either(REPORT, PANEL),
    "/compare": _either(COMPARISON, PANEL_COMPARISON),
    "/what_if": WHAT_IF,
    "/rank": RANKING,
}
"""The schema of the answer of each endpoint that has one."""
