"""Texts in the visitor's language: the catalogues are complete, and texts with values keep them."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_space import errors, language
from apex_space.axes import AXES
from apex_space.judges import REGISTRY
from apex_space.language import best_of, languages, plural, said, speaking, tr

PACKAGE = Path(__file__).resolve().parent.parent / "apex_space"
OTHERS = [tag for tag in languages() if tag != "en"]
CATALOGUES = {tag: json.loads((language.CATALOGUES / f"{tag}.json").read_text(encoding="utf-8")) for tag in OTHERS}
NOT_ON_PAGES = {"cli", "train", "bench", "evaluate", "fitting"}
"""Their errors are met on the command line only, which speaks English."""
FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.relative_to(PACKAGE).parts[0] not in NOT_ON_PAGES]
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def written(node: ast.expr | None, constants: dict[str, ast.expr]) -> Iterator[str]:
    """The texts that an expression of the sources may stand for: constants, f-strings, and choices between them."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            numbers = iter(range(len(parts)))
            yield "".join(
                p.value if isinstance(p, ast.Constant) else f"{{{next(numbers)}}}"  # type: ignore[misc]
                for p in parts
            )
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*written(body, constants), *written(orelse, constants))
        case ast.Name(id=name) if name in constants:
            yield from written(constants.pop(name), constants)
        case ast.Dict(values=values) | ast.Tuple(elts=values):
            for value in values:
                yield from written(value, constants)
        case ast.Subscript(value=value):
            yield from written(value, constants)


def texts(file: Path) -> Iterator[str]:
    """Those of a file that are handed to the catalogue, and the messages of its errors."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assigned = {
        n.targets[0].id: n.value for n in tree.body if isinstance(n, ast.Assign) and hasattr(n.targets[0], "id")
    }
    assigned |= {n.target.id: n.value for n in tree.body if isinstance(n, ast.AnnAssign) and n.value}  # type: ignore
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            given = {"tr": node.args[:1], "said": node.args[:1], "plural": node.args[1:3]}.get(node.func.id, [])
            if node.func.id in ERRORS:
                given = node.args[:1]
            for argument in given:
                yield from written(argument, dict(assigned))


ALL = sorted({text for file in FILES for text in texts(file) if any(map(str.isalpha, text))})
NAMED = {text for axis in AXES for text in (axis.label, axis.meaning)} | {e.summary for e in REGISTRY.values()}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", OTHERS)
def test_every_text_of_the_sources_is_translated(tag: str) -> None:
    assert [text for text in (*ALL, *sorted(NAMED)) if text not in CATALOGUES[tag]] == []


@pytest.mark.parametrize("tag", OTHERS)
def test_translations_have_the_values_of_their_texts(tag: str) -> None:
    assert [text for text, other in CATALOGUES[tag].items() if fields(text) != fields(other)] == []


def test_the_sources_are_found() -> None:
    assert len(ALL) > 200


def test_english_is_what_the_sources_say() -> None:
    assert tr("{n} songs", n=3) == "3 songs"
    assert plural(1, "{n} song", "{n} songs") == "1 song"
    assert said("whatever it is") == "whatever it is"


@pytest.fixture
def pirate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    catalogue = {
        "English": "Pirate",
        "Listen": "Harken",
        "about {0} s": "{0} ticks o' the glass",
        "Busy: {0} songs wait. Try again in {1}.": "{1}, then. {0} shanties be afore ye.",
        "{0} and {0} again": "{0}, arr",
    }
    (tmp_path / "xx.json").write_text(json.dumps(catalogue), encoding="utf-8")
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    caches = (language.languages, language._catalogue, language._with_values)
    for each in caches:
        each.cache_clear()
    with speaking("xx"):
        yield
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("pirate")
class TestAnotherLanguage:
    def test_texts_and_their_values(self) -> None:
        assert tr("Listen") == "Harken"
        assert (
            said("Busy: 3 songs wait. Try again in about 12 s.")
            == "12 ticks o' the glass, then. 3 shanties be afore ye."
        )
        assert said("ye and ye again") == "ye, arr"
        assert said("ye and me again") == "ye and me again"

    def test_what_is_not_known_stays(self) -> None:
        assert tr("Unheard {n}", n=1) == "Unheard 1"
        assert said("Unheard") == "Unheard"

    def test_a_hostile_value_is_put_in_as_it_is(self) -> None:
        assert said(r"about {0} \1 {x} s") == r"{0} \1 {x} ticks o' the glass"
        assert said("about " + "s " * 100_000) == "about " + "s " * 100_000

    def test_a_hostile_text_takes_no_time(self) -> None:
        assert said("Busy: " + " songs wait. Try again in" * 70 + "!").startswith("Busy: ")
        assert said("a and " * 300 + "b").startswith("a and ")

    def test_wishes(self) -> None:
        assert languages() == {"en": "English", "xx": "Pirate"}
        assert best_of("xx-YY,en;q=0.5") == "xx"
        assert best_of("de,en;q=0.1,xx;q=0.7") == "xx"
        assert best_of("de, *;q=x") == best_of("") == "en"

    def test_the_language_before_comes_back(self) -> None:
        with speaking("en"):
            assert tr("Listen") == "Listen"
        assert tr("Listen") == "Harken"
