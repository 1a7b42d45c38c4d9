"""The figures that the published code gave for these weights: see `fake_weights`. Songs are in `thorough`."""

from pathlib import Path

import pytest
import soundfile

from apex_space import load_judge
from apex_space.core.axes import AESTHETICS, BY_KEY, POPULARITY
from apex_space.judges.judge import Judge
from apex_space.judges.report import Report
from helpers import fake_weights

SEVEN = tuple(BY_KEY[key] for key in POPULARITY + AESTHETICS)
SYNTHETIC = {  # seconds and rate of `fake_weights.synthetic` -> scores, in the order of the axes
    (70, 24_000): (71.01084900, 61.67065048, 2.367305279, 3.442162752, 2.486522913, 3.524029493, 3.948122263),
    (40, 44_100): (69.76488495, 58.35273743, 2.358269930, 3.397689104, 2.701257467, 3.284502983, 3.807444334),
    (12, 24_000): (63.65295029, 48.68391800, 2.670472383, 3.780680418, 2.852307558, 2.976664543, 3.967594862),
}


@pytest.fixture(scope="module")
def judge(full_weights: Path) -> Judge:
    return load_judge("apex", weights=full_weights, precision="float32")


def synthetic(folder: Path, seconds: int, rate: int) -> Path:
    soundfile.write(folder / "synthetic.wav", fake_weights.synthetic(seconds, rate), rate, subtype="FLOAT")
    return folder / "synthetic.wav"


def check(report: Report, expected: tuple[float, ...], resampled: bool) -> None:
    """Within 0.01 on 0-100 and 0.001 on 1-5; tenfold and fivefold where another resampler had its part."""
    for axis, figure in zip(SEVEN, expected, strict=True):
        tolerance = {"popularity": (0.01, 0.1), "aesthetics": (0.001, 0.005)}[axis.group][resampled]
        assert report.scores[axis.key] == pytest.approx(figure, abs=tolerance), axis.key


@pytest.mark.parametrize(("seconds", "rate"), [(12, 24_000)])
def test_a_signal_anyone_can_rebuild(seconds: int, rate: int, judge: Judge, tmp_path: Path) -> None:
    report = judge(synthetic(tmp_path, seconds, rate))
    check(report, SYNTHETIC[seconds, rate], resampled=rate != 24_000)
    assert len(report.segments) == -(-seconds // 30)
    assert report.segments[-1].end == report.duration == seconds
