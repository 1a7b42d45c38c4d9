"""The command line within this process: what it prints where, and its exit status."""

from dataclasses import dataclass

from typer.testing import CliRunner

from apex_space.cli import app
from apex_space.core import settings
from apex_space.judges import loading


@dataclass(frozen=True)
class Done:
    """What a command wrote, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object, **environment: str) -> Done:
    """Run a command with the environment's variables and those given."""
    forget()
    done = CliRunner().invoke(
        app, [*map(str, arguments)], env={"COLUMNS": "100", "APEX_PRECISION": "float32"} | environment
    )
    forget()
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def forget() -> None:
    """What this process has read from the environment, and heard."""
    settings.settings.cache_clear()
    loading.shared_cache.cache_clear()
