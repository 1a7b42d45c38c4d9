"""The walk-through of docs/training.md on tiny songs: from a table of counts to a score by the new head."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import soundfile

from apex_space.models.encoders.mert import MertEncoder
from helpers.command_line import run
from helpers.melodies import melody
from helpers.walk_through import counts, walk

RUN = Path("runs", "loss-uncertainty_shared-2_mode-song_task-popularity")


@pytest.mark.slow
def test_every_step_takes_what_the_one_before_wrote(
    tmp_path: Path, thin_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(MertEncoder, "segment_seconds", 0.5)
    examples = Path("apex_space", "arena", "examples")
    examples.mkdir(parents=True)
    table = counts().splitlines()[:9]
    Path("counts.csv").write_text("\n".join(table))
    for seed, row in enumerate(table[1:]):
        soundfile.write(examples / f"{row.split(',')[0]}.ogg", melody(seed, 1.0, 24_000, 1), 24_000)
    song = examples / "disco.ogg"
    soundfile.write(song, melody(99, 1.0, 24_000, 1), 24_000)
    done = walk(APEX_WEIGHTS=str(thin_weights))
    assert "8 songs in segments" in done["extract"].stdout
    about = json.loads((RUN / "settings.json").read_text())
    assert about["songs"] == {"train": 4, "val": 2, "test": 2}
    assert about["data"]["encoder"]["encoder"] == "mert-95m"
    assert about["data"]["targets"]["manifest"]["source"] == "counts.csv"
    assert str(tmp_path) not in json.dumps(about)

    card = done["publish"].stdout
    assert card.startswith("---\nlicense: cc-by-nc-4.0\n")
    assert "4 songs to learn from, 2 to choose the best epoch by, 2 to measure\nwith" in card
    assert "repository m-a-p/MERT-v1-95M" in card
    assert "counts in counts.csv, sha256" in card
    assert (
        len(re.findall(r"^\| (?:streams|likes) \| .+?(?: \| \d\S* \([\d.]+ to [\d.]+\)){2} \| ", card, re.M)) == 2 * 3
    )
    assert f"best_model.pt: {(RUN / 'best_model.pt').stat().st_size:,} bytes" in done["publish"].stderr

    told = done["score"].stdout
    assert f"{RUN.name} (local file best_model.pt, sha256" in told
    by_folder = tmp_path / "weights"
    by_folder.mkdir()
    (by_folder / "MERT-v1-95M").symlink_to(thin_weights / "MERT-v1-95M")
    shutil.copytree(RUN, by_folder / "apex")
    again = run("score", song, "--judge", "apex", "--weights", by_folder, "--format", "csv")
    whole, *_ = csv.DictReader(again.stdout.splitlines())
    assert f"{float(whole['streams']):.2f} │ {float(whole['likes']):.2f}" in re.sub(" +", " ", told)

    for missing, why in (("results.csv", "does not tell its results"), ("best_model.pt", "has no best_model.pt")):
        (RUN / missing).write_text("part,platform\n") if missing == "results.csv" else (RUN / missing).unlink()
        refused = run("publish", RUN, "owner/name", "--dry-run")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert why in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
