"""An empty variable is an unset one, and a wrong one is a line that names it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apex_space.cli import app
from apex_space.core.errors import SettingsError
from apex_space.core.settings import Settings, settings, temporary

VARIABLES = [f"APEX_{name.upper()}" for name in Settings.model_fields]
TOO_SMALL = "APEX_MAX_MINUTES: Input should be greater than 0, not '-3'"
COMMANDS = (
    ("judges",),
    ("score", "song.wav"),
    ("rank", "."),
    ("evaluate", "ratings.csv", "--judge", "pocket"),
    ("fit-preference", "--battles", "votes"),
    ("arena", "report"),
    ("votes", "export", "votes.csv"),
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in [*VARIABLES, "SPACE_ID"]:
        monkeypatch.delenv(variable, raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_an_empty_variable_means_the_default(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = settings()
    settings.cache_clear()
    for variable in [*VARIABLES, "GRADIO_TEMP_DIR"]:
        monkeypatch.setenv(variable, value)
    assert settings() == usual
    assert settings().cache_dir is None
    assert temporary() is None


def test_a_space_is_behind_one_proxy_unless_a_variable_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "owner/name")
    assert settings().proxies == 1
    settings.cache_clear()
    monkeypatch.setenv("APEX_PROXIES", "2")
    assert settings().proxies == 2


def test_each_wrong_variable_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_MAX_MINUTES", "-3")
    monkeypatch.setenv("APEX_BATCH", "many\nsongs" + "!" * 1000)
    monkeypatch.setenv("APEX_SALT", "secret")
    with pytest.raises(SettingsError) as raised:
        settings()
    lines = str(raised.value).splitlines()
    assert lines[0] == TOO_SMALL
    assert lines[1].startswith("APEX_BATCH: Input should be a valid integer")
    assert len(lines) == 2
    assert max(map(len, lines)) < 200


def test_no_secret_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one in the errors that are chained to it, which a traceback would show."""
    given = {"salt": ["s3cret"], "max_minutes": "x"}
    monkeypatch.setattr(Settings, "settings_customise_sources", lambda *_, **__: (lambda: given,))
    with pytest.raises(SettingsError, match=r"^APEX_MAX_MINUTES: .*\nAPEX_SALT: .*string$") as raised:
        settings()
    assert "s3cret" not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_it_in_a_line(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APEX_MAX_MINUTES", "-3")
    (tmp_path / "song.wav").touch()
    (tmp_path / "ratings.csv").write_text("id,truth_musicality\nsong,3\n")
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout, done.stderr.strip()) == (2, "", TOO_SMALL)


def test_help_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_MAX_MINUTES", "-3")
    for command in ([], ["score"], ["votes", "export"]):
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0
