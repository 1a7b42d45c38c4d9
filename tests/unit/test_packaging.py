"""What the package declares and holds: dependencies, pins, licences, files."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BROUGHT = {"mcp", "spaces"}
"""What gradio[mcp] brings, and what a ZeroGPU Space has and nobody else needs."""
OPTIONAL = {"trackio"}
"""What is used where somebody has installed it."""
DRIVERS = {"psycopg"}
"""What a URL names instead of an import: SQLAlchemy's driver for PostgreSQL."""


def requirements(*lines: str) -> dict[str, Requirement]:
    """Canonical name -> requirement, of the lines of a file that are neither comments nor options."""
    found = [Requirement(line.partition("  #")[0]) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(each.name): each for each in found}


def read(name: str) -> dict[str, Requirement]:
    return requirements(*(ROOT / name).read_text(encoding="utf-8").splitlines())


def version(pin: Requirement) -> str:
    """The one version that it allows, without the name of a build."""
    ((operator, version),) = re.findall(r"(==)([\d.]+)(?:\+\w+)?$", str(pin.specifier))
    assert operator == "=="
    return str(version)


DECLARED = requirements(*PROJECT["dependencies"])
PINS = read("requirements.txt")
TOOLS = read("tests/dev.txt")
TRAIN = read("train.txt")
"""What the extra `train` adds; nothing imports it before it is asked for."""


def tracked(folder: str) -> list[str]:
    """Files of the repository below `folder`, as paths from its root."""
    done = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def imported() -> Iterator[str]:
    """The top-level names that the package imports, anywhere in it."""
    for name in [*tracked("apex_space"), "app.py"]:
        if name.endswith(".py"):
            for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.split(".")[0]


@pytest.mark.slow
def test_what_is_imported_is_declared_and_nothing_else() -> None:
    names = set(imported()) - sys.stdlib_module_names - BROUGHT - OPTIONAL - {"apex_space"}
    distributions = packages_distributions()
    assert {canonicalize_name(distributions[name][0]) for name in names} == (DECLARED.keys() | TRAIN.keys()) - DRIVERS


def test_every_dependency_has_one_tested_version_and_allows_it() -> None:
    assert PINS.keys() == DECLARED.keys()
    for name, pin in PINS.items():
        assert DECLARED[name].specifier.contains(version(pin)), name
        assert DECLARED[name].extras == pin.extras, name


def test_an_extra_is_declared_in_one_version_that_is_tested() -> None:
    assert not TRAIN.keys() & DECLARED.keys()
    for name, requirement in TRAIN.items():
        assert requirement.specifier.contains(version(TOOLS[name])), name
        assert requirement.extras == TOOLS[name].extras, name


def test_a_space_and_a_container_take_the_same_versions() -> None:
    front_matter = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert front_matter["sdk_version"] == version(PINS["gradio"])
    assert version(read("pre-requirements.txt")["torch"]) == version(PINS["torch"])
    locked = re.findall(r"^(\S+)==(\S+) \\$", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: found.partition("+")[0] for name, found in locked if name in PINS} == {
        name: version(pin) for name, pin in PINS.items()
    }
    assert dict(locked)["torch"].endswith("+cpu")


def test_the_cpu_build_comes_from_one_index() -> None:
    index = r"--extra-index-url (https://\S+)"
    sources = [re.findall(index, (ROOT / name).read_text()) for name in ("Dockerfile", "pre-requirements.txt")]
    assert len(sources[0]) == 1
    assert sources[0] == sources[1]


def test_tools_of_developers_are_pinned() -> None:
    assert {"pytest", "ruff", "mypy"} <= TOOLS.keys()
    assert all(version(tool) for tool in TOOLS.values())


def test_every_file_named_with_its_licence_is_there_and_every_licence_is_declared() -> None:
    text = (ROOT / "LICENSES.md").read_text(encoding="utf-8")
    for pattern in re.findall(r"`(apex_space/\S+)`", text):
        assert list(ROOT.glob(pattern)), pattern
    named = {"Apache-2.0"} | set(re.findall(r"\(`([\w.-]+)`\)", text))
    assert set(PROJECT["license"].split(" AND ")) == named


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from a copy of what is tracked, beside files that do not belong to it."""
    source = tmp_path_factory.mktemp("source")
    for name in [*tracked("apex_space"), "LICENSE", "LICENSES.md", "pyproject.toml", "tests/dev.txt", "train.txt"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for foreign in ("assets/song.ogg", "data/votes.json", "apex_space/__pycache__/x.pyc", "tests/test_x.py"):
        (source / foreign).parent.mkdir(exist_ok=True)
        (source / foreign).touch()
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (built,) = (source / "dist").iterdir()
    return Path(built)


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == set(tracked("apex_space"))


@pytest.mark.slow
def test_the_wheel_brings_the_command_and_the_licences(wheel: Path) -> None:
    with ZipFile(wheel) as files:
        texts = {name.split(".dist-info/")[1]: name for name in files.namelist() if ".dist-info/" in name}
        entry_points, metadata = (files.read(texts[name]).decode() for name in ("entry_points.txt", "METADATA"))
    assert "apex-space = apex_space.cli:app" in entry_points
    assert f"License-Expression: {PROJECT['license']}" in metadata
    assert {"licenses/LICENSE", "licenses/LICENSES.md"} <= texts.keys()
    needed = requirements(*re.findall(r"^Requires-Dist: (.*?)(?: ?; extra ?==.*)?$", metadata, re.MULTILINE))
    assert needed.keys() == DECLARED.keys() | TOOLS.keys() | TRAIN.keys()
    assert 'Requires-Dist: ray[data]~=2.60; extra == "train"' in metadata
