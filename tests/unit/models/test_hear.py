"""The HEAR judges: the published heads' scores, four views of a song, every tensor accounted for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from apex_space.audio.waveform import Levels, Waveform
from apex_space.core.errors import WeightsInvalid
from apex_space.core.settings import Settings
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.eta import ThroughputEstimator
from apex_space.judges.judge import Judge
from apex_space.models.encoders import conformer
from apex_space.models.encoders.conformer import SAMPLE_RATE, WholeSong
from apex_space.models.heads import hear
from apex_space.models.heads.hear import LIMIT, TRACK_1, TRACK_2, Track
from apex_space.models.heads.songeval import AXES, WholeSongHead
from apex_space.models.hub import Repository, Snapshot, fetch
from apex_space.models.precision import TOLERANCE, largest_move
from helpers import fake_panel_weights, fake_weights
from helpers.fake_panel_weights import Size

State = dict[str, Tensor]
TRACKS = pytest.mark.parametrize("track", [TRACK_1, TRACK_2], ids=["track 1", "track 2"])


def snapshots(track: Track, weights: Path) -> list[Snapshot]:
    return [fetch(repository, weights) for repository in track.repositories(Settings())]


def load(track: Track, weights: Path, precision: str = "float32") -> tuple[WholeSong, WholeSongHead]:
    return track.load(snapshots(track, weights), Settings(precision=precision))


@pytest.fixture(scope="module")
def weights(panel_weights: Path) -> Path:
    """A folder as `--weights` takes it. Not to be written to."""
    return panel_weights


@pytest.mark.parametrize(("number", "track"), [(1, TRACK_1), (2, TRACK_2)])
def test_scores_of_the_published_head(number: int, track: Track, shared: Path) -> None:
    name = f"hear_track_{number}_tiny"
    golden = load_file(shared / "reference" / "golden" / f"{name}_golden.safetensors")
    network = hear.read(shared / "reference" / "golden" / f"{name}.pt", track.axes)
    with torch.inference_mode():
        pooled = network.pool(golden["features"][0])[None]
    scores = WholeSongHead(network.model.fc, track.axes, {})(pooled.numpy())
    assert np.stack([*scores.values()], 1) == pytest.approx(golden["scores"].numpy(), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("rest", [900, 50_000])
def test_a_frame_is_of_pieces_and_song_by_musicfm_and_muq(
    rest: int, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = 5 * SAMPLE_RATE  # shorter than the published one
    monkeypatch.setattr(conformer, "PIECE", piece)
    found = snapshots(TRACK_1, weights)
    encoders = [conformer.musicfm(found[0], 10), conformer.muq(found[1], 10)]
    song = torch.from_numpy(fake_weights.synthetic(8, SAMPLE_RATE))[: piece + rest]
    with torch.inference_mode():
        frames = conformer.finish(hear._views(song, *encoders))
        pieces = [song[:piece], song[piece:]] if rest > 1024 else [song[:piece]]
        local = [torch.cat([encoder.encode(each) for each in pieces]) for encoder in encoders]
        whole = [encoder.encode(song)[: len(local[0])] for encoder in encoders]
        torch.testing.assert_close(frames, torch.cat([*local, *whole], 1), atol=1e-4, rtol=0)


@TRACKS
def test_a_song_gets_the_axes_of_its_track(track: Track, weights: Path) -> None:
    encoder, head = load(track, weights)
    song = Waveform(fake_weights.synthetic(8, SAMPLE_RATE), SAMPLE_RATE, "song", Levels(1, 0.0, 0.0, None))
    report = Judge("hear", encoder, head, (), EmbeddingCache())(song)
    scores = {axis: score for axis, score in report.scores.items() if score is not None}
    assert tuple(axis for axis in AXES if axis in scores) == track.axes
    assert all(1 <= score <= 5 for score in scores.values())
    assert set(report.missing) == set(AXES) - set(track.axes)
    assert len(report.segments) == 1


@pytest.mark.slow
def test_what_one_track_heard_the_other_takes_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    views = hear._views
    monkeypatch.setattr(hear, "_views", lambda *given: (runs.append(1), views(*given))[1])
    monkeypatch.setattr(hear, "FRAME_CACHE", hear.FrameCache())
    song = Waveform(fake_weights.synthetic(5, SAMPLE_RATE), SAMPLE_RATE, "song", Levels(1, 0.0, 0.0, None))
    heard, paces = [], []
    for track in (TRACK_1, TRACK_2, TRACK_2):
        paces.append(ThroughputEstimator())
        heard.append(Judge("hear", *load(track, weights), (), EmbeddingCache(), estimator=paces[-1])(song).scores)
    assert heard[1] == heard[2] != heard[0]
    assert len(runs) == 2
    assert [estimator.estimate_seconds("hear", None, 5) is not None for estimator in paces] == [True, False, True]
    monkeypatch.setattr(hear, "FRAME_CACHE", hear.FrameCache())
    monkeypatch.setattr(hear, "MAX_KEPT", 1)
    load(TRACK_1, weights)[0](song.samples[None], None)
    load(TRACK_2, weights)[0](song.samples[None], None)
    assert len(runs) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("track", "precision"), [(TRACK_1, "bfloat16"), (TRACK_2, "bfloat16"), (TRACK_2, "auto")])
def test_precisions(track: Track, precision: str, weights: Path) -> None:
    song = fake_weights.synthetic(5, SAMPLE_RATE)[None]
    exact, head = load(track, weights)
    other, _ = load(track, weights, precision)
    assert other.reason
    axis, moved = largest_move(head(exact(song, None)), head(other(song, None)))
    assert moved < (TOLERANCE if precision == "auto" else 0.0125), axis


@TRACKS
def test_the_trial_is_held_to_a_lower_limit(track: Track, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []
    monkeypatch.setattr("apex_space.models.precision.choose", lambda *given: limits.append(given[3]))
    load(track, weights, "auto")
    assert limits == [LIMIT]


FC = "model.fc.bias"
DAMAGE: dict[str, Callable[[State], object]] = {
    f"{FC} is missing": lambda s: s.pop(FC),
    "model.cls.weight is not of this model": lambda s: s.update({"model.cls.weight": torch.ones(1)}),
    f"{FC} is [4], not [5]": lambda s: s.update({FC: torch.ones(4)}),
    f"{FC} holds numbers that are not finite": lambda s: s.update({FC: torch.full((5,), torch.nan)}),
    "is not a HEAR head": lambda s: s.pop("mixed_win_downsample.weight"),
    "is not a HEAR head, by": lambda s: s.update({"model.ffd.0.weight": torch.ones(7, 60)}),
}


@pytest.mark.parametrize("named", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(named: str, tmp_path: Path) -> None:
    state = fake_panel_weights.hear_state(5)
    DAMAGE[named](state)
    torch.save(state, tmp_path / "track_2.pth")
    with pytest.raises(WeightsInvalid) as refusal:
        hear.read(tmp_path / "track_2.pth", AXES)
    assert named in str(refusal.value)
    assert "track_2.pth" in str(refusal.value)


@pytest.mark.parametrize(("track", "other"), [(TRACK_1, TRACK_2), (TRACK_2, TRACK_1)])
def test_the_head_of_the_other_track_is_refused(track: Track, other: Track, weights: Path) -> None:
    with pytest.raises(WeightsInvalid, match=r"model\.fc"):
        load(replace(track, checkpoint=other.checkpoint), weights)


def test_encoders_of_another_width_are_refused(weights: Path, tmp_path: Path) -> None:
    torch.save(fake_panel_weights.hear_state(1, Size(32, 10, 4, 64, 8)), tmp_path / "track_1.pth")
    found = snapshots(TRACK_1, weights)
    with pytest.raises(WeightsInvalid, match=r"give 256 numbers a frame.* 128"):
        TRACK_1.load(
            [*found[:2], Snapshot(tmp_path, tmp_path / "track_1.pth", found[2].weights)], Settings(precision="float32")
        )


def test_the_settings_choose_repositories() -> None:
    chosen = Settings(
        muq_repo="a/b", muq_revision="c", musicfm_repo="d/e", musicfm_revision="f", hear_repo="g/h", hear_revision="i"
    )
    musicfm, muq, head = TRACK_2.repositories(chosen)
    assert musicfm == Repository("d/e", "f", ("msd_stats.json",), ("pretrained_msd.pt",))
    assert (muq.id, muq.revision, muq.needs) == ("a/b", "c", ("config.json",))
    assert head == Repository("g/h", "i", (), ("track_2.pth",))
