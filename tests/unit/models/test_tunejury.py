"""TuneJury: the heads' files and outputs, what CLAP and MERT hear of a song, and a score without bounds.

Also our judge that hears all of a song.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file

from apex_space import load_judge, plots
from apex_space.audio.resample import resample
from apex_space.core.errors import PromptRefused, WeightsInvalid
from apex_space.core.settings import Settings, settings
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.judges.report_csv import to_csv
from apex_space.models import hub
from apex_space.models.encoders import clap, mert
from apex_space.models.encoders.clap import ClapAudio
from apex_space.models.encoders.mert import MertEncoder
from apex_space.models.heads import tunejury
from apex_space.models.heads.tunejury import TuneJuryEncoder, TuneJuryHead
from apex_space.models.hub import Repository, Snapshot, fetch
from apex_space.ui import render
from helpers import fake_clap, fake_weights

SAMPLE_RATE = 44_100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `--weights` takes it, with a MERT beside that is too small for TuneJury."""
    folder = fake_clap.write_tunejury(tmp_path_factory.mktemp("weights"), fake_clap.tiny_shapes())
    fake_weights.write_mert(folder / "MERT-v1-330M", fake_weights.TINY_STABLE)
    return folder


@pytest.fixture(scope="module")
def hearing(folder: Path) -> ClapAudio:
    return ClapAudio(folder / "laion_clap" / clap.CHECKPOINTS[0])


@pytest.fixture(scope="module")
def small_mert(folder: Path) -> MertEncoder:
    snapshot = fetch(Repository("m-a-p/MERT-v1-330M", "main", mert.FILES, mert.CHECKPOINTS), folder)
    return MertEncoder(snapshot, (fake_weights.TINY_STABLE.num_hidden_layers,))


@pytest.fixture(scope="module")
def judge(folder: Path) -> Judge:
    return load_judge("tunejury", folder)


@pytest.fixture(scope="module")
def whole(folder: Path) -> Judge:
    return load_judge("tunejury-whole", folder)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE), dtype=np.float32) / 10


def write(samples: np.ndarray, path: Path) -> Path:
    soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
    return path


def load_head(state: object, folder: Path, inputs: str) -> TuneJuryHead:
    torch.save(state, folder / "head.pt")
    return TuneJuryHead(folder / "head.pt", tunejury.INPUTS[inputs])


# ---- the heads ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    return load_file(shared / "reference" / "golden" / "tunejury" / "head.safetensors")


def test_scores_of_the_head_that_hears_all(golden: dict[str, np.ndarray], tmp_path: Path) -> None:
    head = load_head(fake_clap.head_state("all"), tmp_path, "all")
    song = np.concatenate([golden["clap_audio"], golden["mert"]], 1)
    scores = head(np.concatenate([song, golden["clap_text"]], 1))["appeal"]
    np.testing.assert_allclose(scores, golden["score"], atol=1e-5)
    np.testing.assert_allclose(scores[:8] - scores[8:], golden["pair_margin"], atol=1e-5)
    assert np.abs(scores - golden["score_if_text_before_mert"]).max() > 0.1
    assert not golden["clap_text"][8:].any()
    np.testing.assert_allclose(head(song[8:])["appeal"], golden["score"][8:], atol=1e-5)


def test_scores_of_the_head_that_hears_clap_alone(golden: dict[str, np.ndarray], tmp_path: Path) -> None:
    head = load_head(fake_clap.head_state(), tmp_path, "audio")
    np.testing.assert_allclose(head(golden["clap_audio"])["appeal"], golden["a1_score"], atol=1e-5)


def test_the_published_head_has_as_many_parameters(tmp_path: Path) -> None:
    head = load_head({"state_dict": fake_clap.head_state("all"), "epoch": 3}, tmp_path, "all")
    assert sum(parameter.numel() for parameter in head.network.parameters()) == 2_791_169


def test_scores_have_no_bounds(tmp_path: Path) -> None:
    state = fake_clap.head_state()
    for bias in (-40.0, 40.0):
        head = load_head(state | {"net.16.bias": torch.tensor([bias])}, tmp_path, "audio")
        assert abs(head(np.zeros((1, 512), np.float32))["appeal"][0] - bias) < 5


OTHER_FORMS: dict[str, Callable[[], object]] = {
    "net.0.weight is missing": lambda: {"score.0.weight": torch.ones(512, 1024)},
    "net.0.weight is [1024, 2048], not [1024, 512]": lambda: fake_clap.head_state("all"),
    "net.16.bias is missing": lambda: {k: v for k, v in fake_clap.head_state().items() if k != "net.16.bias"},
    "is no named tensor": lambda: {"state_dict": {"net.0.weight": 1}},
}


@pytest.mark.parametrize("fault", OTHER_FORMS)
def test_other_forms_are_refused(fault: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsInvalid) as refusal:
        load_head(OTHER_FORMS[fault](), tmp_path, "audio")
    assert fault in str(refusal.value)


# ---- repositories and files ---------------------------------------------------------------------------------------


def test_the_settings_choose_repositories_and_head() -> None:
    names = {"clap_repo": "a/b", "clap_revision": "c", "tunejury_repo": "d/e", "tunejury_revision": "f"}
    encoder, head = tunejury.repositories(Settings(**names))
    assert encoder == Repository("a/b", "c", (), ("music_audioset_epoch_15_esc_90.14.pt",))
    published = ("input_ablation/A1_clap_audio_only.pt", "A1_clap_audio_only.pt")
    assert head == Repository("d/e", "f", (), published)
    encoder, other, head = tunejury.repositories(Settings(**names, tunejury_inputs="all", banger_mert_repo="m/n"))
    assert (other.id, head.checkpoints) == ("m/n", ("tunejury.pt",))
    *same, tokens, head = tunejury.repositories(Settings(**names, tunejury_inputs="prompt", banger_mert_repo="m/n"))
    assert same == [encoder, other]
    assert (tokens.id, tokens.checkpoints, head.checkpoints) == (
        "FacebookAI/roberta-base",
        ("tokenizer.json",),
        ("tunejury.pt",),
    )


@pytest.mark.parametrize("place", tunejury.CHECKPOINTS["audio"])
def test_the_head_is_found_in_either_place(place: str, tmp_path: Path) -> None:
    (tmp_path / "tunejury" / place).parent.mkdir(parents=True)
    (tmp_path / "tunejury" / place).write_bytes(b"x")
    assert fetch(tunejury.repositories(Settings())[-1], tmp_path).checkpoint == tmp_path / "tunejury" / place


def test_without_mert_no_access_to_it_is_needed() -> None:
    assert "MERT" not in str(tunejury.repositories(Settings()))


def test_a_clap_of_another_width_is_refused(folder: Path, tmp_path: Path, shared: Path) -> None:
    small = shared / "reference" / "golden" / "tunejury" / "clap_tiny.pt"
    snapshots = [Snapshot(tmp_path, small, None), Snapshot(tmp_path, folder / "tunejury/A1_clap_audio_only.pt", None)]  # type: ignore[arg-type]
    with pytest.raises(WeightsInvalid, match="embeddings have 32 numbers; TuneJury hears 512"):
        tunejury.load(snapshots, Settings())


def test_a_mert_of_another_size_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_TUNEJURY_INPUTS", "all")
    settings.cache_clear()
    try:
        with pytest.raises(WeightsInvalid, match="TuneJury hears MERT-v1-330M"):
            load_judge("tunejury", folder, "float32")
    finally:
        settings.cache_clear()


# ---- what is heard ------------------------------------------------------------------------------------------------


def test_both_encoders_hear_the_song_from_its_own_rate(hearing: ClapAudio, small_mert: MertEncoder) -> None:
    song = noise(12)
    at = {rate: resample(song, SAMPLE_RATE, rate, "sinc") for rate in (24_000, 48_000)}
    encoder = TuneJuryEncoder(hearing, small_mert)
    *shares, embedding = encoder.for_song(song, SAMPLE_RATE).steps(at[24_000][None], np.array([len(at[24_000])]))
    assert isinstance(embedding, np.ndarray)
    np.testing.assert_allclose(embedding[:, :512], hearing(clap.crop(at[48_000])), atol=1e-6)
    expected = small_mert.pool(torch.from_numpy(at[24_000][None]))[:, 0, 0]
    np.testing.assert_allclose(embedding[:, 512:], expected, atol=1e-5)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    again = encoder(at[24_000][None], np.array([len(at[24_000])]))  # as when the precision is tried
    assert 0 < np.abs(again[:, :512] - embedding[:, :512]).max() < 1
    np.testing.assert_allclose(again[:, 512:], expected, atol=1e-5)


def test_the_part_that_is_heard(hearing: ClapAudio, small_mert: MertEncoder) -> None:
    assert TuneJuryEncoder(hearing).heard(24_000) == (0, 24_000)
    assert TuneJuryEncoder(hearing).heard(1_000_000) == (380_000, 240_000)
    assert TuneJuryEncoder(hearing, small_mert).heard(1_000_000) == (0, 1_000_000)


def test_mert_hears_a_long_song_in_pieces_that_count_by_their_length(
    small_mert: MertEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunejury, "PIECE", 2 * 24_000)
    song = torch.from_numpy(resample(noise(5.5), SAMPLE_RATE, 24_000))
    lengths = [len(piece) for piece in tunejury.pieces(song)]
    assert lengths == [48_000, 48_000, 36_000]
    assert [len(piece) for piece in tunejury.pieces(song[: 5 * 24_000 - 1])] == [48_000, 71_999]
    assert [len(piece) for piece in tunejury.pieces(song[:100])] == [100]
    states = [[*small_mert.hidden_states(piece[None])][-1][0] for piece in tunejury.pieces(song)]
    *_, embedding = tunejury.whole_song(small_mert).steps(song.numpy()[None], np.array([len(song)]))
    np.testing.assert_allclose(embedding[0], torch.cat(states).mean(0), atol=1e-6)


def test_only_the_middle_ten_seconds_count(judge: Judge, tmp_path: Path) -> None:
    song, end = noise(13), int(1.4 * SAMPLE_RATE)
    beside, within = song.copy(), song.copy()
    beside[:end], beside[-end:] = 0, 0
    within[2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0
    first, second, third = (judge(write(x, tmp_path / f"{i}.wav")) for i, x in enumerate((song, beside, within)))
    assert first.scores == second.scores
    assert first.scores != third.scores
    assert [(segment.start, segment.end) for segment in first.segments] == [(1.5, 11.5)]
    assert first.duration == 13


def test_the_report_is_of_one_score_for_the_whole_song(judge: Judge, tmp_path: Path) -> None:
    report = judge(write(noise(2), tmp_path / "a.wav"))
    assert [axis.key for axis in report.axes] == ["appeal"]
    assert [(segment.start, segment.end) for segment in report.segments] == [(0, 2)]
    assert (report.precision, [weights.repository for weights in report.weights]) == (
        "float32",
        ["lukewys/laion_clap", "TuneJury/tunejury"],
    )
    assert report.as_dict()["scales"] == {"appeal": {"low": None, "high": None, "unit": "points"}}
    shown = render.cards(report)
    assert "middle 10 s" in shown
    assert " / 5" not in shown
    assert "seven collections of music" in render.tables(report)
    for figure in (plots.scores(report), plots.timeline(report)):
        assert figure.data[0].name in ("Appeal", None)


# ---- all of a song ------------------------------------------------------------------------------------------------


def at_48_khz(samples: np.ndarray, path: Path) -> Path:
    soundfile.write(path, samples, clap.SAMPLE_RATE, subtype="FLOAT")
    return path


@pytest.mark.slow
def test_the_whole_song_is_the_mean_of_what_the_published_judge_says_of_its_parts(
    whole: Judge, judge: Judge, tmp_path: Path
) -> None:
    song = noise(30)[: int(26.5 * clap.SAMPLE_RATE)]
    song[clap.CLIP : 2 * clap.CLIP] *= 3
    report = whole(at_48_khz(song, tmp_path / "a.wav"))
    assert [(part.start, part.end, part.counts) for part in report.segments] == [
        (0, 10, True),
        (10, 20, True),
        (20, 26.5, True),
    ]
    alone = [
        judge(at_48_khz(part, tmp_path / f"{i}.wav")).scores["appeal"]
        for i, part in enumerate(np.split(song, [clap.CLIP, 2 * clap.CLIP]))
    ]
    parts = [part.scores["appeal"] for part in report.segments]
    assert len(set(parts)) == 3
    assert parts == pytest.approx(alone, abs=1e-6)
    assert report.scores["appeal"] == pytest.approx(np.average(alone, weights=[10, 10, 6.5]), abs=1e-6)
    assert report.features == judge(tmp_path / "a.wav").features
    rest = whole(at_48_khz(song[: int(24.5 * clap.SAMPLE_RATE)], tmp_path / "rest.wav"))
    assert [part.counts for part in rest.segments] == [True, True, False]  # it is too short
    assert rest.scores["appeal"] == pytest.approx(np.mean(parts[:2]), abs=1e-6)


def test_up_to_ten_seconds_both_judges_say_the_same(whole: Judge, judge: Judge, tmp_path: Path) -> None:
    for seconds in (2.0, 10.0):
        song = write(noise(seconds), tmp_path / f"{seconds}.wav")
        assert whole(song).scores == pytest.approx(judge(song).scores, abs=1e-6)


def test_parts_can_be_heard_at_once(whole: Judge) -> None:
    parts, valid = noise(30)[: 2 * clap.CLIP].reshape(2, clap.CLIP), np.array([clap.CLIP, 1000])
    each = [whole.encoder(parts[i : i + 1], valid[i : i + 1]) for i in range(2)]
    np.testing.assert_allclose(whole.encoder(parts, valid), np.concatenate(each), atol=1e-6)


def test_both_judges_share_clap_and_the_file_of_the_head(whole: Judge, judge: Judge) -> None:
    assert whole.encoder.clap is judge.encoder.clap  # type: ignore[attr-defined]
    assert whole.weights == judge.weights
    everything = Settings(tunejury_inputs="all")
    assert tunejury.WHOLE.repositories(everything) == tunejury.repositories(Settings())


def test_nobody_takes_it_for_the_published_judge(whole: Judge, tmp_path: Path) -> None:
    report = whole(write(noise(26), tmp_path / "a.wav"))
    shown = render.cards(report) + render.tables(report)
    assert "an extension of ours that was not published" in shown
    assert "seven collections" not in shown
    assert "−0.14" not in shown
    assert [trace.type for trace in plots.scores(report).data] == ["bar"]  # and no published marks
    (line,) = plots.timeline(report).data
    assert len(line.x) == 4


# ---- a prompt -----------------------------------------------------------------------------------------------------


def test_a_prompt_is_the_last_part_of_what_the_head_hears(golden: dict[str, np.ndarray], tmp_path: Path) -> None:
    torch.save(fake_clap.head_state("all"), tmp_path / "head.pt")
    encoded = {str(i): golden["clap_text"][i] for i in range(8)}
    head = TuneJuryHead(tmp_path / "head.pt", tunejury.ALL, encoded.__getitem__)
    song = np.concatenate([golden["clap_audio"], golden["mert"]], 1)
    for i in range(8):
        np.testing.assert_allclose(head.prompted(str(i))(song[i : i + 1])["appeal"], golden["score"][i], atol=1e-5)
    for without in (head, head.prompted("")):
        np.testing.assert_allclose(without(song[8:])["appeal"], golden["score"][8:], atol=1e-5)


@pytest.fixture
def prompts(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a CLAP that has a text half, and a head that fits the small MERT."""
    width = fake_weights.TINY_STABLE.hidden_size
    monkeypatch.setitem(tunejury.INPUTS, "prompt", 512 + width + 512)
    monkeypatch.setattr(mert, "require_330m", lambda *_: None)
    (tmp_path / "MERT-v1-330M").symlink_to(folder / "MERT-v1-330M")
    for name in ("laion_clap", "tunejury", "roberta-base"):
        (tmp_path / name).mkdir()
    shapes = {**fake_clap.tiny_shapes(), **fake_clap.tiny_text_shapes()}
    torch.save(fake_clap.clap_content(shapes), tmp_path / "laion_clap" / clap.CHECKPOINTS[0])
    torch.save(fake_clap.head_state("prompt"), tmp_path / "tunejury" / "tunejury.pt")
    fake_clap.write_tokenizer(tmp_path / "roberta-base" / "tokenizer.json")
    return tmp_path


def test_songs_are_scored_for_a_prompt_from_one_embedding(prompts: Path) -> None:
    song = write(noise(2), prompts / "a.wav")
    waltz = load_judge("tunejury", prompts, "float32", prompt="a waltz\n")
    first = waltz(song)
    none, again, other = (waltz.prompted(prompt)(song) for prompt in ("", "a waltz\n", "A Waltz\n"))
    assert first.scores == again.scores
    assert len({report.scores["appeal"] for report in (first, none, other)}) == 3
    assert (first.prompt, none.prompt, first.as_dict()["prompt"]) == ("a waltz\\x0a", "", "a waltz\\x0a")
    assert ",a waltz\\x0a\r\n" in to_csv([first])
    lent = waltz.lent_by(lambda: nullcontext(iter([load_judge("tunejury", prompts, "float32", prompt="")])))
    assert replace(lent, cache=EmbeddingCache())(song).scores == first.scores


def test_only_a_judge_that_hears_a_prompt_is_given_one(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hub, "fetch", pytest.fail)
    with pytest.raises(PromptRefused, match="apex hears no prompt"):
        load_judge("apex", tmp_path, prompt="a waltz")
    with pytest.raises(PromptRefused, match="tunejury hears no prompt"):  # it was loaded without
        judge.prompted("a waltz")
