"""The order of the house: a module imports only from rows above its own, and heavy libraries only where they belong."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.paths import ROOT

PACKAGE = ROOT / "apex_space"
ROWS = (
    *("axes", "errors", "language", "settings", "report", "estimates", "tables", "audio", "resample", "segments"),
    *("measures", "hub", "encoders", "precision", "heads", "files", "memory", "pace", "turns", "judges", "roster"),
    *("preference", "panel"),
    *("arena", "fitting", "evaluate", "ranking", "links", "plots", "logs", "ui", "bench", "cli", "train"),
)
FRONT_DOORS = {"cli", "train"}
"""Never imported by others."""
ENTRANCES = {"__init__", "__main__"}
"""They only pass on to a front door."""
ONLY_IN = {
    "gradio": {"ui"},
    "huggingface_hub": {"hub"},
    "plotly": {"plots"},
    "transformers": {"encoders", "bench"},
    "torch": {"encoders", "heads", "precision", "bench", "train"},
    "typer": {"cli"},
    "sqlalchemy": {"arena", "links"},
    "PIL": {"plots"},
    "jinja2": {"ui"},
    "limits": {"arena"},
    "pydantic": {"settings"},
}
STANDARD_LIBRARY_ONLY = {"axes", "errors", "language", "report"}
HEAVY = ("torch", "transformers", "librosa", "scipy", "sklearn", "av", "pyloudnorm", "huggingface_hub", "datasets")

FILES = sorted(PACKAGE.rglob("*.py"))


def row(file: Path) -> str:
    """The row that a file belongs to: its top-level module or package."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Absolute names of what a file imports, anywhere in it."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def rows_imported(file: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports(file) if name.startswith("apex_space.")}
    return found - {row(file), "__version__"}


def libraries(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)} - {"apex_space"}


INSIDE = [file for file in FILES if row(file) not in ENTRANCES]


def test_a_module_imports_only_from_rows_above_its_own() -> None:
    for file in INSIDE:
        assert row(file) in ROWS, file
        above = set(ROWS[: ROWS.index(row(file))]) - FRONT_DOORS
        assert rows_imported(file) <= above, file


def test_a_library_is_used_only_where_it_belongs() -> None:
    for file in INSIDE:
        for library in libraries(file) & ONLY_IN.keys():
            assert row(file) in ONLY_IN[library], (library, file)


@pytest.mark.parametrize("name", sorted(STANDARD_LIBRARY_ONLY))
def test_records_know_the_standard_library_only(name: str) -> None:
    assert libraries(PACKAGE / f"{name}.py") <= sys.stdlib_module_names


def test_the_environment_is_read_in_settings_alone() -> None:
    for file in INSIDE:
        text = file.read_text(encoding="utf-8")
        assert row(file) == "settings" or not any(word in text for word in ("os.environ", "getenv")), file


def test_encoders_know_no_scores_and_plots_no_page() -> None:
    for file in FILES:
        if row(file) == "encoders":
            assert "axes" not in rows_imported(file)
        if row(file) == "plots":
            assert libraries(file).isdisjoint({"gradio", "torch"})


def test_the_walk_sees_every_way_of_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "apex_space" / "ui" / "tab.py"
    file.parent.mkdir(parents=True)
    file.write_text("import a.b\nfrom .. import plots\nfrom . import render\ndef f():\n    from ..hub import fetch\n")
    assert set(imports(file)) == {"a.b", "apex_space.plots", "apex_space.ui.render", "apex_space.hub.fetch"}


def loaded_by(*modules: str, after: str = "sys") -> set[str]:
    """Top-level names that importing `modules` adds to `sys.modules` of a new process, which has imported `after`."""
    code = f"""
import sys, {after}
before = set(sys.modules)
import {", ".join(modules)}
print(*{{name.split('.')[0] for name in sys.modules.keys() - before}})"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def modules(*without: str) -> list[str]:
    found = [file for file in INSIDE if row(file) not in without]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in found]


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    light = modules("encoders", "heads", "bench", "train", "ui")
    assert loaded_by("apex_space", *light).isdisjoint({*HEAVY, "gradio"})


def test_the_page_starts_without_models() -> None:
    without_models = modules("encoders", "heads", "train", "cli", "bench")
    assert loaded_by(*without_models, after="gradio").isdisjoint(HEAVY)


def test_a_network_s_code_is_loaded_without_transformers() -> None:
    """A server without weights imports the heads to learn that; transformers would cost it 2.5 s more."""
    heads = [name for name in modules() if name.startswith("apex_space.heads.")]
    assert len(heads) >= 5
    assert "transformers" not in loaded_by(*heads, after="torch")
