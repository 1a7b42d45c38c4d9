"""Deploying: the lock file and its audit, the container's files."""

import re
import sys
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.paths import ROOT
from unit.test_repository import FRONT_MATTER, REQUIREMENTS

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = dict(re.findall(r"^(\S+)==(\S+) \\\n    --hash", LOCK, re.MULTILINE))
REQUIRED = [Requirement(line) for line in REQUIREMENTS.splitlines() if not line.startswith("#")]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    """What follows `name` in the Dockerfile, one entry for each time."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


def test_the_lock_is_versions_and_hashes_alone() -> None:
    for line in LOCK.splitlines():
        assert re.fullmatch(r" *#.*|\S+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        assert "://" not in line
    assert len(LOCKED) == len(re.findall("==", LOCK))


@pytest.mark.skipif(sys.platform != "linux", reason="the lock is Linux's")
def test_the_lock_holds_what_the_requirements_need() -> None:
    """And what that needs, as far as it is installed here in the locked version: other builds need other things."""
    left, seen = list(REQUIRED), set()
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        assert name in LOCKED, requirement
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen or distribution(name).version != LOCKED[name]:
                continue
            seen.add((name, extra))
            needed = map(Requirement, distribution(name).requires or [])
            left += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": extra})]
    assert {name for name, _ in seen} >= {canonicalize_name(requirement.name) for requirement in REQUIRED} - {"torch"}


def test_the_container_has_the_packages_of_a_space() -> None:
    (command,) = (command for command in instructions("RUN") if "apt-get install" in command)
    assert (ROOT / "packages.txt").read_text(encoding="utf-8").split() == re.findall(r"\bfonts-\S+", command)


def test_the_container_is_the_spaces_python_without_root() -> None:
    (base,), users = instructions("FROM"), instructions("USER")
    assert base.startswith(f"python:{FRONT_MATTER['python_version']}-slim-")
    assert int(users[-1]) > 0
    (environment,) = instructions("ENV")
    assert f"GRADIO_SERVER_PORT={instructions('EXPOSE')[0]}" in environment.split()
    assert any("--require-hashes" in command for command in instructions("RUN"))


def test_the_container_is_given_what_it_copies_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source for copy in instructions("COPY") for source in copy.split()[:-1]} == allowed
    assert {"app.py", "apex_space"} <= allowed
    assert instructions("CMD") == ['["python", "app.py"]']
