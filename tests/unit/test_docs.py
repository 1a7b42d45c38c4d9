"""The documentation is true: its commands and code run, settings, commands and options are described, links resolve."""

import csv
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import soundfile
import yaml
from markdown_it import MarkdownIt
from typer.main import get_command
from typer.testing import CliRunner

from apex_space import __version__
from apex_space.cli import app
from apex_space.core import axes, intervals
from apex_space.core.settings import Settings, settings
from apex_space.judges import loading, registry
from helpers import dataset_server
from helpers.paths import EXAMPLES, ROOT

FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
PAGES = sorted(ROOT / name for name in FILES if re.fullmatch(r"([A-Z]+|docs/[\w-]+)\.md", name))
SONGS = ("bossa", "folk", "house")
PROGRAM = "python -m apex_space"

NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install": "installs everything; the tests of the pages start app.py",
    "pip wheel": "builds; thorough/test_install.py runs it and what follows",
    "pip install": "installs; thorough/test_install.py runs it",
    "apex-space": "is there once the package is installed; thorough/test_install.py runs both",
    "tests/check": "runs this test",
    ".venv/bin/python -m pytest": "runs this test",
    ".venv/bin/ruff check": "tests/check runs these three",
    f".venv/bin/{PROGRAM} serve": "serves until it is stopped; the tests of the pages start it",
    ".venv/bin/python app.py": "serves until it is stopped; the tests of the pages start it",
    ".venv/bin/pip install": "downloads",
    ".venv/bin/hf upload": "test_the_upload_to_a_space_leaves_out_what_is_not_the_trees",
    "hf buckets create": "needs an account on the Hub",
    "hf spaces volumes set": "needs an account on the Hub",
    "hf spaces variables add": "needs an account on the Hub",
    "hf jobs run": "costs money; test_fit_heads.py has the client read it, and runs the script",
    "hf jobs logs": "needs an account on the Hub",
    "PATH=.venv/bin:$PATH sh assets/fit_heads.sh": "needs an account on the Hub; test_fit_heads.py runs it",
    "docker": "needs a Docker daemon; test_container.py runs what the Dockerfile copies and starts",
    f".venv/bin/{PROGRAM} bench": "takes minutes; test_bench.py runs it on small networks",
    f".venv/bin/{PROGRAM} verify": "downloads; server/test_verify.py runs it with stand-ins",
    f".venv/bin/{PROGRAM} robustness": "takes minutes; test_robustness.py runs it with one kind of damage",
    f".venv/bin/{PROGRAM} arena foresight": "needs a table of scores; test_foresight.py runs it",
    f".venv/bin/{PROGRAM} arena simulate": "takes minutes; test_foresight.py runs it with one arena for each figure",
    f".venv/bin/{PROGRAM} arena snapshot": "needs votes; test_snapshot_upload.py runs it",
    f".venv/bin/{PROGRAM} votes set-aside": "needs votes; test_votes.py runs it",
    f".venv/bin/{PROGRAM} votes restore": "needs votes; test_votes.py runs it",
    f".venv/bin/{PROGRAM} extract songs --encoder pocket --out embeddings --engine": "test_extract_ray.py runs it",
    f".venv/bin/{PROGRAM} fit-preference": "takes a minute; test_fit_preference.py runs it with few resamples",
    f".venv/bin/{PROGRAM} publish-preference": "needs an account on the Hub; test_shared_heads.py runs it",
    "APEX_PREFERENCE_REPO=owner/name .venv/bin/python app.py": "serves; test_shared_heads.py loads shared heads",
    f".venv/bin/{PROGRAM} train pocket": "takes half an hour; test_pocket.py trains on a few songs",
    f".venv/bin/{PROGRAM}.training.pocket.preference": "takes half an hour; test_fit_preference.py fits on a few songs",
    f".venv/bin/{PROGRAM}.training.pocket.reference": "needs the songs; test_pocket.py runs it on a few",
    "APEX_REFERENCE=reference.csv .venv/bin/python app.py": "serves; test_reference_songs.py reads such a table",
    f".venv/bin/{PROGRAM} extract counts.csv": "test_walk_through.py runs it, and the five after it",
    f".venv/bin/{PROGRAM} evaluate segments": "test_walk_through.py runs it",
    f".venv/bin/{PROGRAM} publish": "test_walk_through.py runs it dry, test_publish.py with a simulated Hub",
    "APEX_HEAD_REPO=runs/": "test_walk_through.py runs it",
    "APEX_HEAD_REPO=owner/name .venv/bin/python app.py": "serves; test_publish.py scores with a published head",
    f".venv/bin/{PROGRAM} targets": "needs counts; test_apex_targets.py runs it",
    f".venv/bin/{PROGRAM} evaluate SEGMENTS": "needs a checkpoint; test_train.py runs it",
    f".venv/bin/{PROGRAM} train apex": "needs embedded songs; test_train.py runs it",
    f".venv/bin/{PROGRAM} train banger": "needs embedded songs; test_banger_training.py runs it",
    f".venv/bin/{PROGRAM} train songeval": "needs songs' frames; test_songeval_training.py runs it",
    f".venv/bin/{PROGRAM} extract SONGS --encoder muq-songeval": "needs weights; test_songeval_training.py runs it",
    f".venv/bin/{PROGRAM} train ridge": "needs embedded songs; test_ridge_training.py runs it",
    "APEX_POCKET_REPO=runs/pocket_ridge .venv/bin/python app.py": "serves; test_ridge_training.py scores with it",
    f".venv/bin/{PROGRAM} train hear": "needs songs' frames; test_hear_training.py runs it",
    "python3 -m venv augment": "installs; test_augment.py does it and runs what follows",
    "augment/bin/python assets/augment_songs.py": "test_augment.py runs it",
    "PYTHONPATH=.:tests .venv/bin/python tests/thorough/load.py": "takes a minute of both processors",
    "PYTHONPATH=.:tests .venv/bin/python tests/thorough/tunejury_parts.py": "needs weights",
}
"""How a command begins -> why this test does not run it."""
EXAMPLE = {"apex_space/models/heads/loud.py", "apex_space/heads/pocket"}
"""A file that CONTRIBUTING.md tells how to add, and the name of pocket's weights."""
RUN_ELSEWHERE = {
    ("docs/api.md", "bash"): "test_api.py",
    ("docs/api.md", "python"): "test_api.py",
    ("docs/api.md", "javascript"): "test_api.py",
    ("docs/deploying.md", "nginx"): "test_deploy.py",
    ("docs/training.md", "csv"): "test_walk_through.py",
    ("docs/verify.md", "text"): "test_verify.py",
    ("CONTRIBUTING.md", "python"): "test_a_judge_is_one_file_and_one_line",
    ("README.md", "python"): "test_the_readmes_python",
    ("docs/architecture.md", "text"): "test_the_tree_is_the_packages",
}
"""Page and language of fenced blocks -> what reads or runs them. Indented blocks are commands."""


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks of code in that language; "" for the indented ones."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type in ("fence", "code_block") and token.info == language]


def commands(page: Path) -> list[str]:
    """Its commands, a line each, without the comments beside them."""
    lines = "".join(blocks(page, "")).splitlines()
    return [command for line in lines if (command := re.sub(r"\s+#.*", "", line).strip())]


COMMANDS = list(dict.fromkeys(command for page in PAGES for command in commands(page)))


def is_run(command: str) -> bool:
    return not command.startswith(tuple(NOT_RUN))


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, panel_weights: Path, thin_weights: Path) -> Path:
    """A folder as `--weights` takes it: stand-ins of all judges' weights but Banger's."""
    folder = tmp_path_factory.mktemp("weights")
    for repository in (*panel_weights.iterdir(), *thin_weights.iterdir()):
        (folder / repository.name).symlink_to(repository)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Path]:
    """The current directory, with every file that the pages' commands name; nothing outside is written."""
    folder = tmp_path_factory.mktemp("here")
    cut(EXAMPLES / "bossa.ogg", folder / "song.mp3")
    cut(EXAMPLES / "waltz.ogg", folder / "other.wav")
    (folder / "songs").mkdir()
    for song in SONGS:
        cut(EXAMPLES / f"{song}.ogg", folder / "songs" / f"{song}.wav")
    (folder / "DIR").symlink_to(weights)
    rated = [{"id": f"{song}.wav", "truth_musicality": i + 1.5} for i, song in enumerate(SONGS)]
    write(folder / "ratings.csv", rated)
    write(folder / "predictions.csv", [row | {"pred_musicality": 4 - i, "set": 1} for i, row in enumerate(rated)])
    write(folder / "groups.csv", [{"file": f"{song}.wav", "group": "A"} for song in SONGS])
    caches = settings, intervals.bootstrap_counts
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("APEX_DATA", str(folder / "data"))
        patch.setenv("APEX_WEIGHTS", str(weights))
        patch.setenv("APEX_PRECISION", "float32")  # auto listens to a clip with every judge
        patch.delenv("APEX_DATABASE_URL", raising=False)
        patch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
        patch.setattr(intervals, "RESAMPLES", 40)
        patch.setattr("apex_space.models.encoders.mert.MertEncoder.segment_seconds", 6.0)
        for cache in caches:
            cache.cache_clear()
        yield folder
    for cache in caches:
        cache.cache_clear()


def cut(song: Path, to: Path) -> None:
    """Its first six seconds."""
    samples, rate = soundfile.read(song, frames=6 * 44_100)
    soundfile.write(to, samples, rate)


def write(table: Path, rows: list[dict[str, Any]]) -> None:
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def perform(command: str, folder: Path) -> None:
    """Run a command of the pages; the command line in this process."""
    program = shlex.split(f".venv/bin/{PROGRAM}")
    words = [
        str(path) for word in shlex.split(command) for path in (sorted(folder.glob(word)) if "*." in word else [word])
    ]
    assert words[: len(program)] == program, f"neither run nor listed in NOT_RUN: {command}"
    done = CliRunner().invoke(app, words[len(program) :])
    assert done.exit_code == 0, f"{command}\n{done.output}"
    assert done.output


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if is_run(command)])
def test_a_command_runs(command: str, folder: Path) -> None:
    """One after the other, as the pages have them: some need what an earlier one wrote."""
    perform(command, folder)


def test_what_is_not_run_is_there() -> None:
    assert [start for start in NOT_RUN if not any(command.startswith(start) for command in COMMANDS)] == []


def test_files_of_the_repository_that_pages_name_are_there() -> None:
    folders = "|".join({name.split("/")[0] for name in FILES if "/" in name})
    for page in PAGES:
        for path in re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./-]*\w", page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists() or path in EXAMPLE, (page.name, path)


def test_every_fenced_block_is_read_by_a_test() -> None:
    found = set()
    for page in PAGES:
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            if token.type == "fence":
                found.add((name(page), token.info))
    assert found == set(RUN_ELSEWHERE)


@pytest.mark.slow
def test_the_upload_to_a_space_leaves_out_what_is_not_the_trees(tmp_path: Path) -> None:
    (command,) = (command for command in COMMANDS if command.startswith(".venv/bin/hf upload"))
    _, *arguments = shlex.split(command)
    for path in (
        ".venv/bin/python",
        "data/arena.sqlite",
        ".git/HEAD",
        "app.py",
        "apex_space/models/heads/pocket.safetensors",
    ):
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text("x")
    with dataset_server.serve() as hub:
        environment = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_x",
            "HF_HOME": str(tmp_path / "home"),
            "PATH": "/usr/bin",
        }
        upload = [Path(sys.executable).with_name("hf"), *arguments]
        done = subprocess.run(upload, cwd=tmp_path / "tree", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (hub.made_with["type"], hub.name) == ("space", "NAME/SPACE")
    assert set(hub.files) == {"app.py", "apex_space/models/heads/pocket.safetensors"}


def test_the_readmes_python(folder: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    *statements, expression = code.strip().splitlines()
    there: dict[str, object] = {}
    exec("\n".join(statements), there)
    musicality, first, loudness = eval(expression, there)
    assert 1 <= musicality <= 5
    assert set(first) == set(axes.KEYS)
    assert loudness < 0


def test_a_judge_is_one_file_and_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, line = blocks(ROOT / "CONTRIBUTING.md", "python")
    module = ModuleType("apex_space.models.heads.loud")
    module.__package__ = "apex_space.models.heads"
    exec(file, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    ((key, entry),) = eval(f"{{{line}}}", {"JudgeEntry": registry.JudgeEntry}).items()
    monkeypatch.setitem(registry.REGISTRY, key, entry)
    quiet, loud = (loading.load_judge(key)(folder / "songs" / f"{name}.wav") for name in ("bossa", "folk"))
    assert 1 < loud.scores["clarity"] < 5
    assert loud.scores["clarity"] != quiet.scores["clarity"]
    perform(f".venv/bin/{PROGRAM} score song.mp3 --judge {key}", folder)


# ---- what must be described --------------------------------------------------------------------------------------


def test_every_setting_is_described_with_its_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(APEX_\w+)` \| `?(.*?)`? ?\| \S.* \|$", text, re.MULTILINE))
    defaults = {f"APEX_{key.upper()}": field.default for key, field in Settings.model_fields.items()}
    assert rows == {key: "" if default is None else f"{default}" for key, default in defaults.items()}


def test_no_page_names_a_setting_that_is_none() -> None:
    named = {found for page in PAGES for found in re.findall(r"APEX_[A-Z_]+", page.read_text(encoding="utf-8"))}
    assert named <= {f"APEX_{key.upper()}" for key in Settings.model_fields}


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each command that does something, by its words."""
    if commands := getattr(command, "commands", None):
        for key, inner in commands.items():
            yield from leaves(inner, f"{path} {key}".strip())
    else:
        yield path, command


def test_every_command_and_option_is_described() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    described = {key: set(re.findall(r"`(--[\w-]+)", section)) for key, section in sections.items()}
    options = {
        path: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        for path, command in leaves(get_command(app))
    }
    assert described == options


def test_the_tree_is_the_packages() -> None:
    (tree,) = blocks(ROOT / "docs" / "architecture.md", "text")
    package = tree[tree.index("apex_space/\n") : tree.index("\nassets/")]
    inside = {file.removeprefix("apex_space/").partition("/") for file in FILES if file.startswith("apex_space/")}
    assert set(re.findall(r"^  (\S+)  ", package, re.MULTILINE)) == {
        first + slash for first, slash, _ in inside if slash
    }
    room = ""
    for spaces, named in re.findall(r"^( +)(\S+)  ", package, re.MULTILINE):
        room = named if len(spaces) == 2 else room
        assert (ROOT / "apex_space" / (named if len(spaces) == 2 else room + named)).exists(), named


# ---- links, and the files that hosts read ------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Those that GitHub makes of its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [ROOT / file for file in FILES if file.endswith(".md")], ids=name)
def test_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(
        r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", re.sub(r"```.*?```|`.*?`", "", text, flags=re.DOTALL)
    ):
        path, _, anchor = "".join(link).partition("#")
        if not re.match(r"\w+:", path):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), path
            assert not anchor or anchor in anchors(target), anchor


def read(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    return content


def test_the_citation_is_of_this_version_and_of_apex() -> None:
    citation = read("CITATION.cff")
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    entries = (
        (ROOT / "apex_space" / "ui" / "static" / "references.bib")
        .read_text(encoding="utf-8")
        .replace("{", "")
        .replace("}", "")
    )
    assert citation["references"][0]["title"] in entries
    assert citation["references"][0]["url"].removeprefix("https://arxiv.org/abs/") in entries


def steps(workflow: str) -> list[dict[str, Any]]:
    (job,) = read(f".github/workflows/{workflow}.yml")["jobs"].values()
    return list(job["steps"])


def test_a_public_host_runs_the_checks_on_the_spaces_python() -> None:
    *_, python, check = steps("check")
    front_matter = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert python["with"]["python-version"] == front_matter["python_version"]
    assert os.access(ROOT / check["run"], os.X_OK)
    assert all(any(ROOT.glob(path)) for path in python["with"]["cache-dependency-path"].split())


def test_a_fork_without_the_secret_mirrors_nothing() -> None:
    (job,) = read(".github/workflows/space.yml")["jobs"].values()
    assert job["if"] == "vars.HF_SPACE != ''"
    notice, *others = job["steps"]
    assert notice["if"] == "env.HAS_TOKEN == 'false'"
    assert {step["if"] for step in others} == {"env.HAS_TOKEN == 'true'"}
    assert all("secrets." not in str(step.get("run")) for step in job["steps"])


@pytest.mark.parametrize("workflow", ["check", "space"])
def test_workflows_use_actions_at_a_version_and_may_only_read(workflow: str) -> None:
    assert read(f".github/workflows/{workflow}.yml")["permissions"] == {"contents": "read"}
    for step in steps(workflow):
        assert "run" in step or re.fullmatch(r"(actions|huggingface)/[\w-]+@v\d\S*", step["uses"])


def test_the_hooks_are_tools_of_the_checks() -> None:
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    installed = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.txt"))
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert re.search(rf"^{re.escape(Path(hook['entry'].split()[0]).name)}==", installed, re.MULTILINE)
