"""Which precision is chosen, and what is said of it."""

import logging
from dataclasses import dataclass

import numpy as np
import pytest

from apex_space.models import precision


@dataclass
class Fake:
    """An encoder whose embedding depends on its precision alone."""

    precision: str
    reason: str = ""
    rate: int = 100
    segment_seconds: float = 30.0
    batch: int = 1
    embeddings_version: int = 1

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        return np.full((len(samples), 1), float(self.precision == "bfloat16"))


def moving(points: float) -> object:
    """A head whose streams (0 to 100) differ by `points` between the precisions."""
    return lambda embeddings: {"streams": 50 + points * embeddings[:, 0], "clarity": 3 + 0 * embeddings[:, 0]}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "native_bfloat16", lambda: True)


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_what_is_set_is_taken_without_a_trial(wanted: str) -> None:
    chosen = precision.choose(wanted, Fake, lambda _: pytest.fail("tried"))
    assert (chosen.precision, chosen.reason) == (wanted, "as set")


def test_bfloat16_is_taken_where_it_moves_no_score_by_more_than_half_a_point(native: None) -> None:
    chosen = precision.choose("auto", Fake, moving(0.49))
    assert chosen.precision == "bfloat16"
    assert "0.49%" in chosen.reason


def test_a_judge_may_set_a_lower_limit(native: None) -> None:
    assert precision.choose("auto", Fake, moving(0.24), precision.CAUTIOUS).precision == "bfloat16"
    assert precision.choose("auto", Fake, moving(0.26), precision.CAUTIOUS).precision == "float32"


@pytest.mark.parametrize("points", [0.51, -3.0, np.nan])
def test_float32_is_taken_where_bfloat16_shows_in_a_score(
    points: float, native: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        chosen = precision.choose("auto", Fake, moving(points))
    assert chosen.precision == "float32"
    assert "streams" in chosen.reason
    assert chosen.reason in caplog.text


def test_float32_is_taken_where_the_processor_has_no_such_products(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision, "native_bfloat16", lambda: False)
    chosen = precision.choose("auto", Fake, lambda _: pytest.fail("tried"))
    assert chosen.precision == "float32"
    assert "processor" in chosen.reason
    assert chosen.reason in caplog.text


def test_the_first_encoder_is_let_go_before_the_second_is_made(native: None) -> None:
    alive: list[str] = []

    class Counted(Fake):
        def __init__(self, chosen: str) -> None:
            super().__init__(chosen)
            assert not alive
            alive.append(chosen)

        def __del__(self) -> None:
            alive.remove(self.precision)

    chosen = precision.choose("auto", Counted, moving(0.0))
    assert alive == [chosen.precision] == ["bfloat16"]
