"""Texts in the visitor's language: the catalogues are complete, and texts with values keep them."""

import ast
import copy
import json
import pickle
import re
import string
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from apex_space.core import errors, i18n
from apex_space.core.axes import AXES, COMPARATIVES
from apex_space.core.errors import Busy, SilentAudio
from apex_space.core.i18n import best_of, languages, plural, tr, translate, use_language
from apex_space.core.settings import Settings
from apex_space.core.text import Message, message
from apex_space.judges.registry import REGISTRY
from apex_space.ui.translation import GRADIO_TEXTS
from helpers.paths import ROOT

PACKAGE = ROOT / "apex_space"
OTHERS = [tag for tag in languages() if tag != "en"]
CATALOGUES = {tag: json.loads((i18n.CATALOGUES / f"{tag}.json").read_text(encoding="utf-8")) for tag in OTHERS}
EXAMPLES = json.loads((PACKAGE / "arena" / "examples" / "examples.json").read_text(encoding="utf-8"))
COMMANDS = ("cli", "training", "bench", "evaluation", "preference/fitting", "core/files.py")
NOT_ON_PAGES = tuple(str(PACKAGE / name) for name in COMMANDS)
"""Their errors are met on the command line only, which speaks English."""
FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if not str(file).startswith(NOT_ON_PAGES)]
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


class Source:
    """A file of the package, and what its names may stand for: what is assigned to a variable, given for a parameter or
    returned by a function."""

    def __init__(self, file: Path) -> None:
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.functions = {n.name: n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)}
        self.assigned: dict[str, list[ast.expr]] = defaultdict(list)
        for node in ast.walk(self.tree):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    self.assigned[name].append(value)
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given) if name in self.functions:
                    parameters = (a.arg for a in self.functions[name].args.args if a.arg != "self")
                    for parameter, value in zip(parameters, given, strict=False):
                        self.assigned[parameter].append(value)

    def texts(self) -> Iterator[str]:
        """Those that are handed to the catalogue, and the messages of errors with the texts that these are made of."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name(id="tr" | "translate"), args=[text, *_]):
                    yield from self.written(text, set())
                case ast.Call(func=ast.Name(id="message" | "fill"), args=[text, *_], keywords=values):
                    yield from self.filled(text, values)
                case ast.Call(func=ast.Name(id="plural"), args=[_, one, more, *_]):
                    yield from (*self.written(one, set()), *self.written(more, set()))
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[text, *_], keywords=values) if (
                    name in ERRORS
                ):
                    yield from self.filled(text, values)
                case ast.Call(func=ast.Call(func=ast.Name(id="type")), args=[text], keywords=values):
                    yield from self.filled(text, values)

    def filled(self, template: ast.expr, values: list[ast.keyword]) -> Iterator[str]:
        """A template, and the texts that may be its values."""
        for part in (template, *(each.value for each in values)):
            yield from self.written(part, set())

    def written(self, node: ast.expr, seen: set[ast.expr]) -> Iterator[str]:
        """The texts that an expression may stand for, and those within them. An f-string is none of the catalogue's."""
        if node in seen:
            return
        seen.add(node)
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                numbers = count()
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else f"{{{next(numbers)}}}" for p in parts)
        for source, part in self.parts(node):
            yield from source.written(part, seen)

    def parts(self, node: ast.expr) -> Iterator[tuple["Source", ast.expr]]:
        """What an expression is made of, chosen from or called by, and where that is written."""
        match node:
            case ast.JoinedStr(values=values):
                yield from ((self, part.value) for part in values if isinstance(part, ast.FormattedValue))
            case ast.IfExp(body=body, orelse=orelse):
                yield from ((self, body), (self, orelse))
            case ast.Name(id=name):
                yield from ((self, value) for value in self.assigned.get(name, ()))
            case ast.Dict(values=values) | ast.Tuple(elts=values) | ast.BoolOp(values=values):
                yield from ((self, value) for value in values)
            case ast.Subscript(value=value):
                yield self, value
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                for source in [self] if name in self.functions else [s for s in sources() if name in s.functions][:1]:
                    returns = (n for n in ast.walk(source.functions[name]) if isinstance(n, ast.Return))
                    yield from ((source, each.value) for each in returns if each.value)


@cache
def sources() -> list[Source]:
    return [Source(file) for file in FILES]


NAMES = {
    "A",
    "B",
    "{0} on {1}",
    '<nav aria-label="{label}">{links}</nav>',
    "encoder.pos_conv_embed.conv",
    "shared.0.block.0.weight",
}
"""Of songs, databases and tensors, in messages of errors; and markup."""
NAMED = {text for axis in AXES for text in (axis.label, axis.meaning)}
NAMED |= {text for words in COMPARATIVES.values() for text in words}
NAMED |= {text for entry in REGISTRY.values() for text in (entry.summary, entry.plain, entry.licence) if text}
NAMED |= {str(field.description) for name, field in Settings.model_fields.items() if name.endswith("_repo")}
NAMED |= {*GRADIO_TEXTS}
NAMED |= {row[part] for row in EXAMPLES for part in ("title", "style", "description")}


@cache
def all_texts() -> list[str]:
    return sorted({text for source in sources() for text in source.texts() if any(map(str.isalpha, text))} - NAMES)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", OTHERS)
def test_every_text_of_the_sources_is_translated(tag: str) -> None:
    assert [text for text in (*all_texts(), *sorted(NAMED)) if text not in CATALOGUES[tag]] == []


@pytest.mark.parametrize("tag", OTHERS)
def test_translations_have_the_values_of_their_texts(tag: str) -> None:
    assert [text for text, other in CATALOGUES[tag].items() if fields(text) != fields(other)] == []


HUB = message(
    "No weights of {repository} at {revision}: {reason}. Fix this and retry, or copy the repository to DIR/{folder} "
    "and pass --weights DIR or set APEX_WEIGHTS.",
    repository="a/B",
    revision="main",
    reason=message(
        "the download broke off, {reason}", reason=message("the Hub cannot be reached ({kind})", kind="Timeout")
    ),
    folder="B",
)
COMPOSED = (
    message(
        "The file has {megabytes}. Export it as mp3, ogg or m4a, or cut it.",
        megabytes=message("{size:.1f} MB; at most {limit:g} MB are taken", size=61.0, limit=50),
    ),
    message(
        "{what} runs {duration} or more; {limit}. Cut it, or take a part of it.",
        what="By its header, the sound",
        duration=message("{hours:,.0f} hours", hours=12.0),
        limit=message("at most {duration} are taken", duration=message("{minutes:.1f} minutes", minutes=10.0)),
    ),
    message(
        "The {name} song: {reason}", name="second", reason=SilentAudio("The file holds no samples. Export it again.")
    ),
    message(
        "{judge} {why} Choose another judge meanwhile.",
        judge="HEAR 1",
        why=message("is not available. {reason}", reason=HUB),
    ),
    message("A battle needs two songs, and there {available}.", available="are none"),
    message("Busy: {n} songs wait. Try again in {time}.", n=3, time=message("about {n} min", n=3)),
)
GIVEN = re.compile(
    "https://huggingface.co/|HF_TOKEN|"
    "mp3|ogg|m4a|HEAR 1|a/B|main|Hub|Timeout|DIR|--weights|APEX_WEIGHTS|pocket|songs.csv|'x'|MB|B"
)


@pytest.mark.parametrize("text", COMPOSED)
def test_no_part_of_a_message_stays_english(text: Message) -> None:
    with use_language("zh-CN"):
        assert not re.search("[A-Za-z]", GIVEN.sub("", translate(text)))


def test_a_message_is_its_text_everywhere_and_survives_json_and_pickle() -> None:
    for text in COMPOSED:
        assert json.loads(json.dumps(text)) == text == f"{text}"
        for again in (pickle.loads(pickle.dumps(text)), copy.deepcopy(text), Message.from_dict(text.as_dict())):
            with use_language("zh-CN"):
                assert translate(again) == translate(text) != text


def test_the_sources_are_found() -> None:
    assert len(all_texts()) > 200


def test_english_is_what_the_sources_say() -> None:
    assert tr("{n} songs", n=3) == "3 songs"
    assert plural(1, "{n} song", "{n} songs") == "1 song"
    assert translate("whatever it is") == "whatever it is"


@pytest.fixture
def pirate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    catalogue = {
        "English": "Pirate",
        "Listen": "Harken",
        "about {n} s": "{n} ticks o' the glass",
        "Busy: {n} songs wait. Try again in {time}.": "{time}, then. {n} shanties be afore ye.",
    }
    (tmp_path / "xx.json").write_text(json.dumps(catalogue), encoding="utf-8")
    monkeypatch.setattr(i18n, "CATALOGUES", tmp_path)
    caches = (i18n.languages, i18n._catalogue)
    for each in caches:
        each.cache_clear()
    with use_language("xx"):
        yield
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("pirate")
class TestAnotherLanguage:
    def test_texts_and_their_values(self) -> None:
        assert tr("Listen") == translate("Listen") == "Harken"
        busy = Busy("Busy: {n} songs wait. Try again in {time}.", n=3, time=message("about {n} s", n=12))
        assert f"{busy}" == "Busy: 3 songs wait. Try again in about 12 s."
        assert translate(str(busy)) == "12 ticks o' the glass, then. 3 shanties be afore ye."

    def test_what_is_not_known_stays(self) -> None:
        assert tr("Unheard {n}", n=1) == "Unheard 1"
        assert translate("Unheard") == "Unheard"
        assert translate(message("{name} {n}", name="Unheard", n=1)) == "Unheard 1"

    def test_a_value_that_is_a_text_is_translated_too(self) -> None:
        assert translate(message("{what}!", what="Listen")) == "Harken!"

    def test_a_hostile_value_is_put_in_as_it_is(self) -> None:
        assert translate(message("about {n} s", n=r"{0} \1 {x}")) == r"{0} \1 {x} ticks o' the glass"

    def test_wishes(self) -> None:
        assert languages() == {"en": "English", "xx": "Pirate"}
        assert best_of("xx-YY,en;q=0.5") == "xx"
        assert best_of("de,en;q=0.1,xx;q=0.7") == "xx"
        assert best_of("de, *;q=x") == best_of("") == "en"

    def test_the_language_before_comes_back(self) -> None:
        with use_language("en"):
            assert tr("Listen") == "Listen"
        assert tr("Listen") == "Harken"
