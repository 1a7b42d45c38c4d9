"""How long it will take: by the songs that were heard, by the work that the registry states, and by a probe."""

import pytest

from apex_space.core.i18n import format_duration
from apex_space.judges import registry
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.eta import ComputeCost, ThroughputEstimator
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.models import precision
from helpers.paths import EXAMPLES

ATTENTIVE = ComputeCost(10, 0.1)


def test_a_song_tells_of_the_next_by_the_work_of_both() -> None:
    estimator = ThroughputEstimator()
    estimator.record("hear", ATTENTIVE, 60, took=48)
    assert estimator.estimate_seconds("hear", ATTENTIVE, 60) == pytest.approx(48)
    assert estimator.estimate_seconds("hear", ATTENTIVE, 120) == pytest.approx(
        48 * (10 * 120 + 0.1 * 120**2) / (10 * 60 + 0.1 * 60**2)
    )


def test_what_is_not_counted_grows_with_the_song_once_one_was_heard() -> None:
    estimator = ThroughputEstimator()
    assert estimator.estimate_seconds("pocket", None, 60) is None
    estimator.record("pocket", None, 30, took=0.5)
    assert estimator.estimate_seconds("pocket", None, 60) == pytest.approx(1.0)


def test_the_last_songs_count_most() -> None:
    estimator = ThroughputEstimator()
    estimator.record("pocket", None, 100, took=100)
    for _ in range(6):
        estimator.record("pocket", None, 100, took=10)
    assert 10 < (estimator.estimate_seconds("pocket", None, 100) or 0) < 12


def test_before_the_first_song_the_probe_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "flops_per_second", lambda wanted: 200.0)
    assert ThroughputEstimator().estimate_seconds("hear", ATTENTIVE, 60) == pytest.approx((600 + 360) / 200)
    monkeypatch.setattr(registry, "ESTIMATOR", ThroughputEstimator())
    assert registry.estimate_seconds("songeval", 180) == pytest.approx(7278 / 200, rel=0.01)
    monkeypatch.setattr(precision, "flops_per_second", lambda wanted: None)
    assert ThroughputEstimator().estimate_seconds("hear", ATTENTIVE, 60) is None


def test_the_probe_measures_this_processor_once() -> None:
    precision.flops_per_second.cache_clear()
    found = precision.flops_per_second("float32")
    assert found is not None
    assert 1 < found < 100_000
    assert precision.flops_per_second("float32") == found


def test_only_songs_that_were_really_heard_count() -> None:
    pocket = load_judge("pocket")
    judge = Judge(
        "pocket", pocket.encoder, pocket.head, pocket.weights, EmbeddingCache(), estimator=ThroughputEstimator()
    )
    first, *_ = judge.score(EXAMPLES / "house.ogg")
    assert first.left is None
    kept = dict(judge.estimator._done)
    assert kept["pocket"][0] == pytest.approx(first.duration)
    (again,) = judge.score(EXAMPLES / "house.ogg")
    assert again.done
    assert judge.estimator._done == kept
    predicted, *_ = judge.score(EXAMPLES / "bossa.ogg")
    assert predicted.left == pytest.approx(kept["pocket"][1] * predicted.duration / first.duration)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s"), (12.3, "about 12 s"), (89, "about 89 s"), (250, "about 4 min")]
)
def test_estimates_are_spoken(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
