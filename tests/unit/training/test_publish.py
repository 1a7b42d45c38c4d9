"""What is published of a run's folder, and what a card says if the run's files are hostile."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from apex_space.core.errors import TrainingError
from apex_space.evaluation.regression import intervals
from apex_space.models.cards import CARD
from apex_space.training.files import begin, rows_csv
from apex_space.training.publish import contents
from helpers.finished_run import write_run

HEAD = "part,axis,LCC,SRCC,KTAU,TTA\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("publish") / "run")


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A folder of its own for each test, with the same large checkpoint."""
    for file in finished.iterdir():
        (tmp_path / file.name).hardlink_to(file)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "published"),
    [
        (f"{HEAD}test,clarity,0.5,0.5,0.4,0.6\ntest,mean,0.5,0.5,0.4,nan\n", True),
        ("password\nhunter2\n", False),
        (f"{HEAD}test,clarity,0.5,0.5,0.4,hunter2\n", False),
        (f"{HEAD}test,clarity,0.5,0.5,0.4,0.6,hunter2\n", False),
        (f"{HEAD}hunter2,clarity,0.5,0.5,0.4,0.6\n", False),
        (f"{HEAD}test,hunter2,0.5,0.5,0.4,0.6\n", False),
        (f"{HEAD}test,{'x' * 200_000}\n", False),
    ],
)
def test_nothing_but_the_run_is_published(text: str, published: bool, folder: Path) -> None:
    for name in (".env", "songs.csv", "last.pt"):
        (folder / name).write_text("hunter2")
    (folder / "challenge.csv").write_text(text)
    ours = {CARD, "best_model.pt", "settings.json", "results.csv"}
    assert contents(folder, "owner/name", "mit").keys() == ours | ({"challenge.csv"} if published else set())


def test_names_in_a_runs_files_cannot_break_the_card(folder: Path) -> None:
    about = json.loads((folder / "settings.json").read_text())
    evil = "x\n\n# Heading\n---\nlicense: mit\n<script>[a](b)|"
    manifest = {"settings": {evil: evil}, "source": evil, "sha256": evil, "percentiles_of": evil}
    targets = {"file": evil, "sha256": evil, "manifest": manifest}
    about |= {"version": evil, "settings": {evil: evil}, "data": {"encoder": {"encoder": evil}, "targets": targets}}
    (folder / "settings.json").unlink()
    (folder / "settings.json").write_text(json.dumps(about))
    card = str(contents(folder, "owner/name", "cc-by-4.0")[CARD])
    assert [line for line in card.splitlines() if line.startswith(("#", "---", "license"))] == [
        *("---", "license: cc-by-4.0", "---", "# A head of APEX"),
        *("## Data and split", "## Figures on the test songs", "## Licence"),
    ]
    assert "<script>" not in card
    assert "](b)" not in card.replace("\\](b)", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [("settings.json", "[" * 100_000), ("settings.json", "[]"), ("results.csv", f"part,platform\n{'x' * 200_000}\n")],
)
def test_files_that_tell_no_results_are_refused(name: str, text: str, folder: Path) -> None:
    (folder / name).unlink()
    (folder / name).write_text(text)
    with pytest.raises(TrainingError, match="does not tell its results"):
        contents(folder, "owner/name", "mit")


def test_a_card_says_if_its_intervals_are_of_few_songs(folder: Path) -> None:
    """The made-up run has three. From one song, no interval can be told, so it is not published."""
    assert "from only 3 songs, they are too narrow" in str(contents(folder, "owner/name", "mit")[CARD])
    one = np.array([1.0])
    assert intervals(one, one + 1, np.array(["a"])) == {}
    with (folder / "results.csv").open(newline="") as file:
        rows = [
            {name: "" if name.endswith(("_low", "_high")) else cell for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]
    (folder / "results.csv").unlink()
    (folder / "results.csv").write_text(rows_csv(rows))
    with pytest.raises(TrainingError, match="it is of one song"):
        contents(folder, "owner/name", "mit")


@pytest.mark.parametrize("repository", ["../name", "owner/..", "owner", "-a/b", "a/b\n"])
def test_what_is_no_repositorys_name(repository: str, folder: Path) -> None:
    with pytest.raises(TrainingError, match="is no repository's name"):
        contents(folder, repository, "mit")


def test_results_of_another_run_are_not_published_beside_a_new_checkpoint(folder: Path) -> None:
    """A run that begins anew in the folder takes them away: it may be killed before it has measured. A file of others
    stays, though runs of other judges write one of that name."""
    about = json.loads((folder / "settings.json").read_text()) | {"device": "cpu"}
    (folder / "settings.json").unlink()
    (folder / "settings.json").write_text(json.dumps(about))
    (folder / "challenge.csv").write_text("theirs")
    begin(folder, json.dumps(about), "best_model.pt", ("results.csv",))
    assert (folder / "challenge.csv").read_text() == "theirs"
    with pytest.raises(TrainingError, match=r"has no results\.csv"):
        contents(folder, "owner/name", "mit")
