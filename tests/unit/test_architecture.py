"""The order of the house: a module imports only from rows above its own, and heavy libraries only where they belong."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from helpers.paths import ROOT

PACKAGE = ROOT / "apex_space"
ROOMS = (
    *("core", "audio", "models", "judges", "storage", "preference", "arena", "ranking", "evaluation", "training"),
    *("plots", "ui", "bench", "cli"),
)
"""The folders, in the order of the data's flow: each imports only from those above it."""
OUTER_ROOMS = {"training", "ui", "bench", "cli"}
"""Imported by none but the command line, which starts them."""
ENTRANCES = {"__init__", "__main__"}
"""They only pass on to an outer room."""
LIBRARY_ROOMS = {
    "gradio": {"ui"},
    "huggingface_hub": {"models", "storage"},
    "plotly": {"plots"},
    "transformers": {"models", "bench"},
    "torch": {"models", "bench", "training"},
    "typer": {"cli"},
    "sqlalchemy": {"storage"},
    "PIL": {"plots"},
    "jinja2": {"ui"},
    "limits": {"storage"},
    "pydantic": {"core", "preference", "storage"},
    "ray": {"training"},
}
"""A library's rooms: no other imports it."""
STANDARD_LIBRARY_ONLY = ("core/axes", "core/errors", "core/i18n", "core/text")
HEAVY = (
    "torch",
    "transformers",
    "librosa",
    "scipy",
    "sklearn",
    "av",
    "huggingface_hub",
    "datasets",
    "ray",
)

FILES = sorted(PACKAGE.rglob("*.py"))


def room(file: Path) -> str:
    """The folder below the package that a file is in, or its own name."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(file: Path) -> tuple[str, ...]:
    """Absolute names of what a file imports, anywhere in it."""
    return tuple(walk_imports(file))


def walk_imports(file: Path) -> Iterator[str]:
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def rooms_imported(file: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports(file) if name.startswith("apex_space.")}
    return found - {room(file), "__version__"}


def libraries(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)} - {"apex_space"}


INSIDE = [file for file in FILES if room(file) not in ENTRANCES]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_from_rooms_above_it(name: str) -> None:
    files = [file for file in INSIDE if room(file) == name]
    assert len(files) > 1
    above = set(ROOMS[: ROOMS.index(name)]) - (set() if name == "cli" else OUTER_ROOMS)
    for file in files:
        assert rooms_imported(file) <= above, file
        for library in libraries(file) & LIBRARY_ROOMS.keys():
            assert name in LIBRARY_ROOMS[library], (library, file)


def test_there_is_no_other_room() -> None:
    assert {room(file) for file in FILES} == {*ROOMS, *ENTRANCES}


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_says_what_goes_in_and_out_and_hides_no_code_at_its_door(name: str) -> None:
    for door in (PACKAGE / name).rglob("__init__.py"):
        first, *others = ast.parse(door.read_text(encoding="utf-8")).body
        assert isinstance(first, ast.Expr), door
        assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in others), door
    folders = {file.parent for file in (PACKAGE / name).rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_texts_are_translated_at_the_edge() -> None:
    for file in INSIDE:
        if room(file) not in ("core", "plots", "ui", "cli"):
            assert not any(name.startswith("apex_space.core.i18n") for name in imports(file)), file


@pytest.mark.parametrize("name", STANDARD_LIBRARY_ONLY)
def test_records_know_the_standard_library_only(name: str) -> None:
    assert libraries(PACKAGE / f"{name}.py") <= sys.stdlib_module_names


def test_the_environment_is_read_in_settings_alone() -> None:
    for file in INSIDE:
        text = file.read_text(encoding="utf-8")
        assert file.stem == "settings" or not any(word in text for word in ("os.environ", "getenv")), file


def test_encoders_know_no_scores() -> None:
    encoders = [*(PACKAGE / "models" / "encoders").glob("*.py")]
    assert len(encoders) >= 5
    assert not any("apex_space.core.axes" in name for file in encoders for name in imports(file))


def test_the_walk_sees_every_way_of_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "apex_space" / "ui" / "tab.py"
    file.parent.mkdir(parents=True)
    file.write_text("import a.b\nfrom .. import plots\nfrom . import render\ndef f():\n    from ..hub import fetch\n")
    assert set(imports(file)) == {"a.b", "apex_space.plots", "apex_space.ui.render", "apex_space.hub.fetch"}


NETWORKS = ("apex_space.models.encoders", "apex_space.models.heads", "apex_space.models.kernels")


def modules(*without: str) -> list[str]:
    """Names of all modules but those that begin so."""
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in INSIDE)
    return [name for name in names if not name.startswith(without)]


def rooms(*names: str) -> tuple[str, ...]:
    return tuple(f"apex_space.{name}" for name in names)


HEADS = [name for name in modules() if name.startswith("apex_space.models.heads.")]
STEPS = {
    "help": ["apex_space.cli"],
    "light": ["apex_space", *modules(*NETWORKS, *rooms("bench", "training", "ui"))],
    "gradio": ["gradio"],
    "pages": modules(*NETWORKS, *rooms("bench", "training", "cli")),
    "torch": ["torch"],
    "heads": [*HEADS, "apex_space.training.extract.extraction"],
}
"""What one new process imports, in this order. (Four would import most of it four times, which takes seconds.)"""
IMPORTER = """
import importlib, os, sys
for line in sys.stdin:
    before = set(sys.modules)
    for name in line.split():
        importlib.import_module(name)
    print(*{name.split(".")[0] for name in sys.modules.keys() - before}, flush=True)
os._exit(0)  # to take down what was imported costs half a second
"""
Loaded = Callable[[str], set[str]]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Loaded]:
    """Gives the top-level names of what a step adds to `sys.modules` of a new process, after the steps before it."""
    pipe, added = subprocess.PIPE, dict[str, set[str]]()
    command = [sys.executable, "-c", IMPORTER]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def loaded(step: str) -> set[str]:
            for name in [*STEPS][len(added) : [*STEPS].index(step) + 1]:
                print(*STEPS[name], file=process.stdin, flush=True)
                answer = process.stdout.readline()
                assert answer, f"the step {name} failed"
                added[name] = set(answer.split())
            return added[step]

        yield loaded


def test_help_is_there_without_numpy(loaded: Loaded) -> None:
    assert loaded("help").isdisjoint({*HEAVY, "numpy", "pydantic", "sqlalchemy"})


def test_nothing_heavy_is_loaded_before_it_is_used(loaded: Loaded) -> None:
    assert "numpy" in loaded("light")
    assert (loaded("help") | loaded("light")).isdisjoint({*HEAVY, "gradio"})


@pytest.mark.slow
def test_the_page_starts_without_models(loaded: Loaded) -> None:
    assert loaded("pages").isdisjoint(HEAVY)


@pytest.mark.slow
def test_the_networks_code_is_loaded_without_transformers_and_ray(loaded: Loaded) -> None:
    """A server without weights imports the heads to learn that; transformers would cost it 2.5 s more."""
    assert len(HEADS) >= 5
    assert "torch" in loaded("torch")
    assert set().union(*map(loaded, STEPS)).isdisjoint({"transformers", "ray"})
