"""The folder of a finished run of `train apex`, with made-up results."""

import json
from pathlib import Path

import torch

from apex_space.core.axes import AESTHETICS, POPULARITY
from apex_space.evaluation.regression import RegressionFigures, intervals
from apex_space.training.measure import HEAD, MEAN, POOLED, RIDGE, Measured, to_csv
from helpers.fake_weights import apex_checkpoint


def write_run(folder: Path) -> Path:
    """Write a run with a name in its settings that would break a card. Gives the folder."""
    folder.mkdir()
    torch.save(apex_checkpoint(), folder / "best_model.pt")
    encoder = {"encoder": "mert-95m", "repository": "m-a-p/<b>|", "revision": "1"}
    about = {"version": "1", "songs": {"train": 6, "val": 3, "test": 3}, "settings": {"seed": 1}}
    (folder / "settings.json").write_text(json.dumps(about | {"data": {"encoder": encoder, "targets": None}}))
    truth = torch.arange(3.0).numpy()
    known = intervals(truth, truth + 1, truth)
    results = (
        Measured("test", model, POOLED, axis, 3, RegressionFigures(1.0, 1.0, 1.0, None), known)
        for model in (HEAD, MEAN, RIDGE)
        for axis in POPULARITY + AESTHETICS
    )
    (folder / "results.csv").write_text(to_csv(results))
    return folder
