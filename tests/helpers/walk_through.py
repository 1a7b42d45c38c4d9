"""The walk-through of docs/training.md, word for word: its table, and its commands in this process."""

import re
import shlex

from helpers.command_line import Done, run
from helpers.paths import ROOT

PROGRAM = (".venv/bin/python", "-m", "apex_space")


def _section() -> str:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    found = re.search(r"^## A walk-through\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def counts() -> str:
    """The table of counts, whose first column names the songs."""
    found = re.search(r"```csv\n(.*?)```", _section(), re.DOTALL)
    assert found
    return found[1]


def walk(**environment: str) -> dict[str, Done]:
    """Run all commands one after another in the current folder. Gives what each wrote, by the command's name."""
    done = {}
    for line in re.findall(r"^    (.+)$", _section(), re.MULTILINE):
        words = shlex.split(line)
        start = words.index(PROGRAM[0])
        assert tuple(words[start : start + 3]) == PROGRAM
        given = dict(word.split("=", 1) for word in words[:start])
        name, *rest = words[start + 3 :]
        done[name] = run(name, *rest, **environment | given)
        assert done[name].returncode == 0, (line, done[name].stderr)
    return done
