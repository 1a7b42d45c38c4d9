"""SongEval at full size, with made-up weights."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from apex_space.models import precision as precision_module
from apex_space.models.encoders.conformer import SAMPLE_RATE
from apex_space.models.heads import songeval
from apex_space.models.precision import TOLERANCE, largest_move, native_bfloat16
from helpers import fake_panel_weights, fake_weights
from helpers.fake_panel_weights import Size
from unit.models.test_songeval import load


@pytest.mark.skipif(not native_bfloat16(), reason="this processor does not multiply bfloat16")
def test_at_full_size_the_chosen_precision_is_within_the_tolerance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision_module, "CLIP_SECONDS", 2)
    monkeypatch.setattr(precision_module, "SONG_SECONDS", 8)
    size = Size(layers=songeval.LAYER)
    fake_panel_weights.write_muq(tmp_path / "MuQ-large-msd-iter", size)
    (tmp_path / "SongEval").mkdir()
    save_file(fake_panel_weights.songeval_state(size), tmp_path / "SongEval" / "model.safetensors")
    song = fake_weights.synthetic(8, SAMPLE_RATE)[None]
    scores = []
    for precision in ("float32", "auto"):
        encoder, head = load(tmp_path, precision)
        scores.append(head(encoder(song, None)))
    axis, moved = largest_move(*scores)
    assert moved < TOLERANCE, axis
