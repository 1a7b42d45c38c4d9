"""What the repository promises of itself: front matter, pins, settings, size."""

import re
import subprocess
import tomllib

import yaml
from packaging.specifiers import SpecifierSet

from apex_space.core.settings import Settings
from helpers.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
FRONT_MATTER = yaml.safe_load(README.split("---\n")[1])


def test_the_front_matter_is_what_a_space_needs() -> None:
    assert FRONT_MATTER["title"]
    assert FRONT_MATTER["emoji"]
    assert FRONT_MATTER["sdk"] == "gradio"
    assert (ROOT / FRONT_MATTER["app_file"]).is_file()
    assert FRONT_MATTER["license"] == "apache-2.0"
    assert len(FRONT_MATTER["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {FRONT_MATTER["colorFrom"], FRONT_MATTER["colorTo"]} <= colours


def test_the_spaces_python_will_do() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert FRONT_MATTER["python_version"] in SpecifierSet(project["requires-python"])


def test_the_front_matter_names_the_models_that_are_downloaded() -> None:
    repositories = {name: value for name, value in Settings() if name.endswith("_repo") and name != "votes_repo"}
    assert set(FRONT_MATTER["models"]) == set(filter(None, repositories.values()))


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_nothing_that_brings_gigabytes_is_required() -> None:
    assert not re.search(r"^(torchaudio|torchvision|muq)\b", REQUIREMENTS, re.MULTILINE)


def test_the_tree_without_tests_stays_small() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    files = [ROOT / name.decode() for name in tracked if name and not name.startswith(b"tests/")]
    assert sum(file.stat().st_size for file in files if file.is_file()) < 15_000_000


def test_app_is_a_page_of_code() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 30
