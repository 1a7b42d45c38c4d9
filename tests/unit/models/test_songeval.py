"""The SongEval judge: the toolkit's own scores, from a waveform to five axes, and every tensor accounted for."""

import shutil
from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from apex_space.audio.waveform import Levels, Waveform
from apex_space.core.errors import WeightsInvalid, WeightsMissing
from apex_space.core.settings import Settings
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.models.encoders.conformer import SAMPLE_RATE, WholeSong
from apex_space.models.heads import songeval
from apex_space.models.heads.songeval import AXES, WholeSongHead
from apex_space.models.hub import Snapshot, fetch
from apex_space.models.precision import CAUTIOUS, native_bfloat16
from helpers import fake_panel_weights, fake_weights
from helpers.fake_panel_weights import TINY, Size

State = dict[str, Tensor]


def snapshots(weights: Path) -> list[Snapshot]:
    return [fetch(repository, weights) for repository in songeval.repositories(Settings(weights=weights))]


def load(weights: Path, precision: str = "float32") -> tuple[WholeSong, WholeSongHead]:
    return songeval.load(snapshots(weights), Settings(precision=precision))


@pytest.fixture(scope="module")
def weights(panel_weights: Path) -> Path:
    """A folder as `--weights` takes it. Not to be written to."""
    return panel_weights


@pytest.fixture
def rewrite(tmp_path: Path) -> Callable[[State], songeval.SongEvalNetwork]:
    def read(state: State) -> songeval.SongEvalNetwork:
        save_file(state, tmp_path / "model.safetensors")
        return songeval.read(tmp_path / "model.safetensors")

    return read


def test_scores_of_the_published_head(shared: Path) -> None:
    golden = shared / "reference" / "golden"
    expected = load_file(golden / "songeval_tiny_golden.safetensors")
    network = songeval.read(golden / "songeval_tiny.safetensors")
    with torch.inference_mode():
        pooled = network.pool(expected["features"][0])[None]
    scores = WholeSongHead(network.fc, AXES, {})(pooled.numpy())
    assert np.stack([*scores.values()], 1) == pytest.approx(expected["scores"].numpy(), abs=1e-4)


def test_scores_of_the_published_toolkit_from_a_waveform(shared: Path, tmp_path: Path) -> None:
    golden = shared / "reference" / "golden"
    (tmp_path / "MuQ-large-msd-iter").mkdir()
    (tmp_path / "SongEval").mkdir()
    for source, name in {"muq_tiny_config.json": "config.json", "muq_tiny.safetensors": "model.safetensors"}.items():
        shutil.copy(golden / source, tmp_path / "MuQ-large-msd-iter" / name)
    shutil.copy(golden / "songeval_tiny.safetensors", tmp_path / "SongEval" / "model.safetensors")
    encoder, head = load(tmp_path)
    waveform = load_file(golden / "muq_tiny_golden.safetensors")["waveform"].numpy()[None]
    scores = head(encoder(waveform, np.array([waveform.shape[1]])))
    expected = load_file(golden / "songeval_tiny_golden.safetensors")["scores_muq_layer6"][0]
    np.testing.assert_allclose([scores[axis][0] for axis in AXES], expected, atol=1e-4)


@pytest.mark.slow
def test_a_song_is_one_segment_and_its_scores_are_the_songs(weights: Path) -> None:
    judge = Judge("songeval", *load(weights), (), EmbeddingCache())
    song = Waveform(fake_weights.synthetic(47, SAMPLE_RATE), SAMPLE_RATE, "song", Levels(1, 0.0, 0.0, None))
    report = judge(song)
    assert [(segment.start, segment.end) for segment in report.segments] == [(0, 47)]
    assert {axis: score for axis, score in report.scores.items() if score is not None} == {
        axis: report.segments[0].scores[axis] for axis in AXES
    }
    assert judge(song).scores == report.scores
    assert judge.cache.get(judge._key("song")).embeddings.shape == (1, 2 * TINY.width)


@pytest.mark.slow
def test_a_song_is_heard_whole(weights: Path) -> None:
    encoder, head = load(weights)
    song = fake_weights.synthetic(40, SAMPLE_RATE)[None]
    apart = [encoder(part, None) for part in (song[:, : 20 * SAMPLE_RATE], song[:, 20 * SAMPLE_RATE :])]
    assert encoder.segment_seconds == inf
    assert np.abs(encoder(song, None) - np.mean(apart, 0)).max() > 1e-3
    for axis, scores in head(np.concatenate(apart)).items():
        assert axis in AXES
        assert ((scores >= 1) & (scores <= 5)).all()


@pytest.mark.skipif(not native_bfloat16(), reason="this processor does not multiply bfloat16")
def test_both_precisions_can_be_had_and_one_is_chosen(weights: Path) -> None:
    chosen, _ = load(weights, "auto")
    rounded, _ = load(weights, "bfloat16")
    assert chosen.reason
    assert chosen.precision in ("float32", "bfloat16")
    song = fake_weights.synthetic(5, SAMPLE_RATE)[None]
    assert not np.array_equal(load(weights)[0](song, None), rounded(song, None))


DAMAGE: dict[str, Callable[[State], object]] = {
    "attn.3.out_proj.bias is missing": lambda s: s.pop("attn.3.out_proj.bias"),
    "attn.4.out_proj.bias is not of this model": lambda s: s.update({"attn.4.out_proj.bias": torch.ones(64)}),
    "fc.bias is [4], not [5]": lambda s: s.update({"fc.bias": torch.ones(4)}),
    "fc.bias holds numbers that are not finite": lambda s: s.update({"fc.bias": torch.full((5,), torch.nan)}),
    "is not a SongEval head": lambda s: s.pop("ffd.0.weight"),
    "is not a SongEval head, by": lambda s: s.update({"ffd.0.weight": torch.ones(7, 60)}),
}


@pytest.mark.parametrize("named", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(named: str, rewrite: Callable) -> None:
    state = fake_panel_weights.songeval_state()
    DAMAGE[named](state)
    with pytest.raises(WeightsInvalid) as refusal:
        rewrite(state)
    assert named in str(refusal.value)
    assert "model.safetensors" in str(refusal.value)


def test_an_encoder_of_another_width_is_refused(weights: Path, tmp_path: Path) -> None:
    other = Size(32, 6, 4, 64, 8)
    save_file(fake_panel_weights.songeval_state(other), tmp_path / "model.safetensors")
    found = snapshots(weights)
    head = Snapshot(tmp_path, tmp_path / "model.safetensors", found[1].weights)
    with pytest.raises(WeightsInvalid, match=r"64 wide.* 32 wide"):
        songeval.load([found[0], head], Settings(precision="float32"))


def test_it_is_said_where_the_head_is_to_be_had() -> None:
    with pytest.raises(WeightsMissing, match=r"github\.com/ASLP-lab/SongEval.*CC BY-NC-SA 4\.0.*APEX_SONGEVAL_FILE"):
        songeval.repositories(Settings())


def test_the_head_is_a_file_a_repository_or_below_the_folder_of_weights(weights: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(weights / "SongEval" / "model.safetensors", tmp_path / "head.safetensors"))
    _, head = songeval.repositories(Settings(songeval_file=file, weights=weights))
    assert fetch(head).checkpoint == file
    assert "head.safetensors" in fetch(head, weights).weights.revision
    _, head = songeval.repositories(Settings(songeval_repo="a/b", songeval_revision="c"))
    assert (head.id, head.revision, head.checkpoints) == ("a/b", "c", ("model.safetensors",))
    _, head = songeval.repositories(Settings(weights=weights))
    assert fetch(head, weights).checkpoint == weights / "SongEval" / "model.safetensors"


def test_the_trial_is_held_to_the_lower_limit(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []
    monkeypatch.setattr("apex_space.models.precision.choose", lambda *given: limits.append(given[3]))
    load(weights, "auto")
    assert limits == [CAUTIOUS]
