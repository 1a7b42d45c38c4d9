"""Whatever this program writes or deletes, files of others beside it, or of the same name, stay as they are."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from apex_space.arena.clips import encode_clip
from apex_space.arena.pool_sources import EXAMPLES
from apex_space.audio.waveform import load_song
from apex_space.bench import measure
from apex_space.cli import app
from apex_space.core.errors import ArchiveRefused, ArenaError, BatchError, OutputRefused, PreferenceError
from apex_space.core.settings import settings
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import JudgeManager
from apex_space.judges.reference_songs import SHIPPED
from apex_space.preference import head_files
from apex_space.preference.fitting.scoring import ScoreLog
from apex_space.ranking import archive
from apex_space.ranking.archive import unpack
from apex_space.storage.hub_sync import SHARDS, VoteUploader
from apex_space.storage.identity import AddressHasher
from apex_space.storage.records import Battle, Song, Vote
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import VoteStore
from apex_space.training.pocket import preference, reference
from apex_space.ui.requests import Requests, rank_request
from apex_space.ui.uploads import Uploads
from helpers.votes import votes_counted

SONG = sorted(EXAMPLES.glob("*.ogg"))[0]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VoteStore]:
    """With one vote; it is the one that the settings name."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    made = VoteStore(f"sqlite:///{tmp_path / 'data' / 'votes.sqlite3'}")
    battle = Battle("battle", Song("a" * 64), Song("b" * 64), "pool", 1.7e9, ())
    made.add_battle(battle)
    made.add_vote(Vote(battle, "a", 1.7e9 + 20, (6.0, 6.0), "voter"))
    yield made
    made.close()
    settings.cache_clear()


def stranger(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"somebody\'s": 1}\n')
    return path


def untouched(path: Path) -> bool:
    return path.read_bytes() == b'{"somebody\'s": 1}\n'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


# ---- the votes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_export_replaces_an_export_alone(ending: str, store: VoteStore, tmp_path: Path) -> None:
    from apex_space.storage.vote_io import export_votes

    file = tmp_path / f"votes.{ending}"
    file.touch()
    assert export_votes(store, file) == 1, "an empty file is nobody's loss"
    assert export_votes(store, file) == 1
    with pytest.raises(ArenaError, match="no export of votes"):
        export_votes(store, stranger(file))
    assert untouched(file)
    link = tmp_path / f"link.{ending}"
    link.symlink_to(file)
    with pytest.raises(ArenaError, match="no export of votes"):
        export_votes(store, link)
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", link.name, file.name]


def test_a_table_of_songs_is_no_export(store: VoteStore, tmp_path: Path) -> None:
    from apex_space.storage.vote_io import export_votes

    (tmp_path / "songs.csv").write_text("file,title\na.wav,A\n")
    with pytest.raises(ArenaError, match=r"songs\.csv is there"):
        export_votes(store, tmp_path / "songs.csv")
    assert (tmp_path / "songs.csv").read_text() == "file,title\na.wav,A\n"


def test_only_shards_go_to_the_hub_and_from_the_disk(store: VoteStore, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    foreign = [stranger(folder / name) for name in ("mine.parquet", "votes-mine.parquet", "more/votes.parquet")]
    sent: list[str] = []

    def commit(
        repository: str,
        folder: Path,
        patterns: list[str],
        prepare: Callable[[], object],
        done: Callable[[list[Path]], object],
        minutes: float,
    ) -> Callable[[], None]:
        prepare()
        files = sorted(path for pattern in patterns for path in folder.glob(pattern))
        sent.extend(file.name for file in files)
        done(files)
        return lambda: None

    copy = VoteUploader(store, "me/votes", folder, commit)
    copy._run()
    assert len(sent) == 1
    assert sorted(file for file in folder.rglob("*") if file.is_file()) == sorted(foreign)
    assert all(map(untouched, foreign))
    assert not store.unsent()


def test_the_hubs_client_understands_the_names_of_shards() -> None:
    from huggingface_hub.utils import filter_repo_objects

    shard = f"votes-20260101T000000-{'0a' * 16}.parquet"
    names = [shard, f"all-{shard}", f"more/{shard}", f"all-all-{shard}", "mine.parquet", "votes-mine.parquet"]
    assert [*filter_repo_objects(names, allow_patterns=SHARDS)] == names[:2]


# ---- results under links ----------------------------------------------------------------------------------------


def test_deleting_a_result_or_the_oldest_leaves_the_others(store: VoteStore) -> None:
    report, times = load_judge()(SONG), iter(range(1, 9))
    links = SharedResults(store, AddressHasher("salt"), 2, lambda: float(next(times)))
    oldest, second, third = (links.add([report], title, f"203.0.113.{i}") for i, title in enumerate("abc"))
    with pytest.raises(Exception, match="no result"):
        links.get(oldest.id)
    links.delete(third.id, third.key)
    assert links.get(second.id).title == "b"
    assert votes_counted(store) == 1


# ---- songs --------------------------------------------------------------------------------------------------------


def test_unpacking_writes_and_deletes_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = [stranger(tmp_path / "scratch" / name) for name in ("00000.wav", "00001.wav")]
    with ZipFile(tmp_path / "songs.zip", "w") as file:
        file.writestr("../00000.wav", b"a")
        file.writestr("/00001.wav", b"b" * 5_000)
    monkeypatch.setattr(archive, "_most_bytes", lambda: 100)
    songs, _ = unpack(tmp_path / "songs.zip", tmp_path / "scratch", 9)
    assert [bool(song.error) for song in songs] == [False, True]
    with pytest.raises(ArchiveRefused):
        unpack(tmp_path / "songs.zip", tmp_path / "scratch", 9, 10)
    assert all(map(untouched, foreign))


def test_a_copy_that_fails_takes_nothing_with_it(tmp_path: Path) -> None:
    foreign = stranger(tmp_path / "song.mp3")
    waveform = load_song(SONG)
    levels = replace(waveform.levels, channels=1)
    broken = replace(waveform, samples=np.zeros((2, 3, 4), np.float32), levels=levels)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the encoder says of it
        encode_clip(SONG, broken, tmp_path)
    assert [*tmp_path.iterdir()] == [foreign]


def test_a_visitors_ranking_is_released_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    foreign = [stranger(tmp_path / name) for name in ("rank-others/kept.zip", "song.wav")]
    requests, request = Requests(JudgeManager(), Uploads(tmp_path, 0)), rank_request([], "pocket", "likes", 1, None)
    mine = requests.hold_ranking(request)
    stranger(mine / "kept.zip")
    (mine / "link").symlink_to(tmp_path / "rank-others")
    requests.release_ranking(request, mine)
    requests.release_ranking(request, mine)
    assert not mine.exists()
    assert all(map(untouched, foreign))


# ---- what commands write -----------------------------------------------------------------------------------------


def test_a_preference_head_replaces_a_head_alone(store: VoteStore, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    shutil.copy(head_files.SHIPPED / "pocket.json", head)
    head_files.check_target(head)
    head_files.check_target(tmp_path / "new.json")
    done = run("fit-preference", "--battles", "votes", "--out", stranger(head))
    assert (done.exit_code, untouched(head)) == (1, True)
    assert "no preference head" in done.stderr


def test_a_head_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "head.json").mkdir()
    with pytest.raises(PreferenceError, match="cannot be written"):
        head_files.save(head_files.read(head_files.SHIPPED / "pocket.json"), tmp_path / "head.json")
    assert [*tmp_path.iterdir()] == [tmp_path / "head.json"]


def test_scores_are_not_written_into_anothers_file(tmp_path: Path) -> None:
    with pytest.raises(PreferenceError, match="holds no scores"):
        ScoreLog(stranger(tmp_path / "notes.scored.jsonl"))
    assert untouched(tmp_path / "notes.scored.jsonl")
    (tmp_path / "torn.jsonl").write_text('{"k')
    ScoreLog(tmp_path / "torn.jsonl")


@pytest.mark.parametrize("name", ["evaluate.json", "evaluate.svg"])
def test_an_evaluation_replaces_an_evaluation_alone(name: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    rows = "".join(f"{i},{1 + i % 5},{1 + (i * 7) % 5}\n" for i in range(40))
    table.write_text("id,truth_musicality,pred_musicality\n" + rows)
    done = run("evaluate", table, "--out", stranger(tmp_path / "out" / name).parent)
    assert (done.exit_code, done.stdout, untouched(tmp_path / "out" / name)) == (1, "", True)
    assert "Choose another --out" in done.stderr.replace("\n", " ")


def test_an_earlier_run_of_a_command_is_replaced(tmp_path: Path) -> None:
    from apex_space.cli.common import check_results

    (tmp_path / "bench.json").write_text(json.dumps(dict.fromkeys(measure.Bench.__dataclass_fields__, 0)))
    (tmp_path / "bench.svg").touch()
    check_results(tmp_path, "bench", measure.Bench)
    (tmp_path / "bench.json").write_text("[]")
    with pytest.raises(OutputRefused):
        check_results(tmp_path, "bench", measure.Bench)


def test_a_bench_is_refused_before_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "run", lambda *_: pytest.fail("measured"))
    stranger(tmp_path / "bench.svg")
    assert run("bench", "--out", tmp_path).exit_code == 2
    assert untouched(tmp_path / "bench.svg")


def test_training_writes_to_the_package_or_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stranger(tmp_path / "pocket.md")
    done = run("train", "pocket", tmp_path, "--out", tmp_path)
    assert done.exit_code == 1
    assert "is not empty" in done.stderr
    with pytest.raises(SystemExit, match="2"):
        preference.main(["--data", str(tmp_path), "--out", str(tmp_path)])
    assert "is not empty" in capsys.readouterr().err
    assert untouched(tmp_path / "pocket.md")
    assert "does not hold both sets of songs" in run("train", "pocket", tmp_path, "--out", tmp_path / "new").stderr
    assert not (tmp_path / "new").exists()


def test_reference_songs_are_refused_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign, data = stranger(tmp_path / "mine.csv"), ["--data", str(tmp_path)]
    for out, why in ((foreign, "is there and not from here"), (foreign / "table.csv", "cannot be written to")):
        with pytest.raises(SystemExit, match="2"):
            reference.main([*data, "--out", str(out)])
        assert why in capsys.readouterr().err
    assert untouched(foreign)
    shutil.copy(SHIPPED, tmp_path / "earlier.csv")
    with pytest.raises(SystemExit, match="2"):
        reference.main([*data, "--out", str(tmp_path / "earlier.csv")])
    assert "does not hold both sets of songs" in capsys.readouterr().err


def test_kept_songs_are_copied_to_an_empty_folder_alone(tmp_path: Path) -> None:
    from apex_space.ranking.export import check_target

    (tmp_path / "link").symlink_to(stranger(tmp_path / "full" / "01 song.wav").parent)
    for folder in (tmp_path / "full", tmp_path / "link", tmp_path / "full" / "01 song.wav"):
        with pytest.raises(BatchError):
            check_target(folder)
