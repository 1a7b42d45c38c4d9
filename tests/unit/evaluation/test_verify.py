"""Verifying a judge: each check holds where it should and differs where it should; nothing personal is posted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from apex_space.core.errors import WeightsInvalid, WeightsMissing
from apex_space.core.settings import settings
from apex_space.evaluation import verify
from apex_space.evaluation.published import VALIDATION_SONGS
from apex_space.evaluation.verify import LOADS, Options, Pair, apex_config, example_pairs, released_scores
from apex_space.judges import verified
from apex_space.judges.loading import load_judge
from apex_space.judges.registry import REGISTRY
from apex_space.judges.verified import Check, Verification, compared, describe
from apex_space.models import hub, precision
from apex_space.models.heads import banger
from apex_space.models.hub import Weights
from apex_space.training.banger import verify as banger_verify
from helpers import fake_weights, hub_server, published
from helpers.command_line import run
from helpers.paths import ROOT

WEIGHTS = (Weights("a/B", "0123456789" * 4),)
PAIR = Pair(Path("intact"), Path("damaged"), "clarity")
GOOD = {"intact": {"clarity": 4.0, "coherence": 3.0}, "damaged": {"clarity": 2.0, "coherence": 2.0}}


@dataclass
class Stub:
    """A judge that has a score for each file's name."""

    scores: dict[str, dict[str, float]]
    axes: tuple[str, ...] = ("clarity", "coherence")
    computes_in: str = "float32"
    weights: tuple[Weights, ...] = WEIGHTS
    inputs: int = 512
    head: Any = field(init=False)
    encoder: Any = field(init=False)

    def __post_init__(self) -> None:
        self.head = SimpleNamespace(axes=self.axes, inputs=self.inputs)
        self.encoder = SimpleNamespace(precision=self.computes_in)

    def __call__(self, file: Path) -> Any:
        return SimpleNamespace(scores=self.scores[file.stem])


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, without a record."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


def outcomes(
    monkeypatch: pytest.MonkeyPatch, exact: dict[str, dict[str, float]], fast: dict[str, dict[str, float]] | None = None
) -> dict[str, str]:
    """What comes of a judge with these scores, and others in bfloat16."""

    def load(name: str, weights: object, precision: str, cached: bool) -> Stub:
        return Stub(exact if precision == "float32" or fast is None else fast, computes_in=precision)

    monkeypatch.setattr(verify, "load_judge", load)
    monkeypatch.setattr(verify, "download_size", lambda *_: 0)
    monkeypatch.setattr(precision, "native_bfloat16", lambda: True)
    found = verify.verify("apex", Options(), {}, lambda _: None, [PAIR])
    assert found.weights == WEIGHTS
    return {check.what.split(",")[0]: check.outcome for check in found.checks}


HELD = {
    "weights load": "held",
    "scores are numbers within their range": "held",
    "scores differ between songs": "held",
    "damaged songs below their intact ones": "held",
    "published figures": "not checked",
    "bfloat16 against float32": "held",
}


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({}, set()),
        ({"intact": {"clarity": 5.5, "coherence": 3.0}}, {"scores are numbers within their range"}),
        ({"intact": {"clarity": 4.0, "coherence": 2.0}}, {"scores differ between songs"}),
        ({"damaged": {"clarity": 4.1, "coherence": 2.0}}, {"damaged songs below their intact ones"}),
    ],
)
def test_each_check_finds_its_fault(
    changed: dict[str, dict[str, float]], differs: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = outcomes(monkeypatch, GOOD | changed)
    assert found == {what: "differs" if what in differs else outcome for what, outcome in HELD.items()}


def test_a_score_that_is_no_number_differs_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcomes(monkeypatch, GOOD | {"damaged": {"clarity": np.nan, "coherence": 2.0}})
    assert [what for what, outcome in found.items() if outcome == "differs"] == [
        "scores are numbers within their range",
        "scores differ between songs",
        "damaged songs below their intact ones",
        "bfloat16 against float32",
    ]


def test_bfloat16_that_moves_a_score_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = GOOD | {"intact": {"clarity": 4.03, "coherence": 3.0}}
    assert outcomes(monkeypatch, GOOD, moved) == HELD | {"bfloat16 against float32": "differs"}


@pytest.mark.parametrize(("error", "outcome"), [(WeightsInvalid, "differs"), (WeightsMissing, "not checked")])
def test_weights_that_do_not_load_are_a_finding_without_this_machines_folders(
    error: type[Exception], outcome: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def load(*_: object, **__: object) -> None:
        raise error(f"{tmp_path / 'mine'}/x.pt lacks fc, see {Path.home()}/y")

    monkeypatch.setattr(verify, "load_judge", load)
    found = verify.verify("apex", Options(tmp_path / "mine", trouble="away"), {}, lambda _: None, [PAIR])
    assert found.checks == (Check(LOADS, outcome, "WEIGHTS/x.pt lacks fc, see ~/y"),)  # type: ignore[arg-type]
    assert found.compared == (outcome == "differs")


def test_an_error_that_nobody_expected_is_a_finding_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcomes(monkeypatch, {"intact": GOOD["intact"]})
    assert found == {"weights load": "held", "no unexpected error": "differs"}


def test_the_examples_have_three_damaged_songs() -> None:
    pairs = example_pairs()
    assert {pair.axis for pair in pairs} == {"clarity", "naturalness", "coherence"}
    assert all(pair.intact.is_file() and pair.damaged.is_file() for pair in pairs)


def test_the_songs_for_validation_are_those_published(shared: Path) -> None:
    file = shared / "reference" / "golden" / "training" / "asae_validation_ids.json"
    assert list(VALIDATION_SONGS) == json.loads(file.read_text())["songeval_validation_ids"]


def test_bangers_figures_are_those_of_the_head_on_the_published_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    torch.save(fake_weights.mlp_state(banger.SIZES), tmp_path / "scorer_model.pt")
    judge: Any = SimpleNamespace(head=banger.BangerHead(tmp_path / "scorer_model.pt"))
    folder = published.write_embeddings(tmp_path / "songs")
    monkeypatch.setattr("apex_space.models.hub.fetch_dataset", lambda *_: (folder, "1"))
    count, *figures = banger_verify.published_figures(judge, Options())
    assert count.why == ""
    assert (count.published, count.ours, count.outcome) == (7997, 40, "differs")
    assert [(each.what, each.published) for each in figures] == [
        ("6 songs of val: mae", 0.822),
        ("6 songs of test: mae", 0.858),
        ("6 songs of test: spearman", 0.468),
    ]
    assert all(each.reproduces and each.ours is not None for each in figures)


def test_without_the_data_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("the Hub cannot be reached")

    monkeypatch.setattr("apex_space.models.hub.fetch_dataset", away)
    judge: Any = SimpleNamespace(head=banger.BangerHead.__new__(banger.BangerHead))
    (only,) = banger_verify.published_figures(judge, Options())
    assert (only.outcome, only.ours) == ("not checked", None)
    asked = verify.REPRODUCE["hear-1"](Stub(GOOD), Options(songeval=True))  # type: ignore[arg-type]
    assert [(each.outcome, each.why) for each in asked] == [("not checked", "the Hub cannot be reached")]
    unasked = verify.REPRODUCE["hear-1"](Stub(GOOD), Options())  # type: ignore[arg-type]
    assert "--songeval" in next(unasked).why


def test_released_scores_are_compared_clip_by_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "apex_space.models.hub.fetch_dataset", lambda *_: (published.write_released(tmp_path / "released"), "1")
    )
    (tmp_path / "fma").mkdir()
    (tmp_path / "fma" / "000002.mp3").write_bytes(b"any")
    judge: Any = Stub({"000002": {"appeal": 1.504}}, ("appeal",), inputs=2048)
    (only,) = released_scores(judge, Options(fma=tmp_path / "fma"))
    assert (only.outcome, only.ours, only.why) == ("held", pytest.approx(0.004), "clips: 1")
    assert "--fma" in next(released_scores(judge, Options())).why
    assert "APEX_TUNEJURY_INPUTS" in next(released_scores(Stub(GOOD), Options())).why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "outcome"), [('{"val_loss": 398.77835954938615}', "held"), ('{"val_loss": 1}', "differs"), ("{}", None)]
)
def test_apexs_checkpoint_is_known_by_its_loss(content: str, outcome: str | None, tmp_path: Path) -> None:
    (tmp_path / "apex").mkdir()
    (tmp_path / "apex" / "config.json").write_text(content)
    judge: Any = Stub(GOOD, weights=(Weights("m/e", "1"), Weights("a/apex", "2")))
    told, computed = apex_config(judge, Options(tmp_path))
    assert told.outcome == (outcome or "not checked")
    assert computed.outcome == "not checked"


# ---- what is known of a judge ------------------------------------------------------------------------------------


def found(*checks: Check, weights: tuple[Weights, ...] = WEIGHTS) -> Verification:
    return Verification("2026-12-01", "1", weights, checks)


def test_what_is_shipped_is_true_of_the_shipped_judge_alone() -> None:
    shipped = verified.read(verified.SHIPPED)
    assert [*shipped] == ["pocket"]
    assert shipped["pocket"].weights == load_judge("pocket").weights
    assert shipped["pocket"].count("differs") == 0
    assert describe("pocket").startswith("verified on 20")
    assert "against the example songs (weights sha256 " in describe("pocket")
    assert describe("apex") == "not verified here"


def test_what_is_found_here_counts_for_the_same_weights_alone() -> None:
    verified.keep({"apex": found(compared("mae", 1, 1, 0), compared("rank", 1, 1, 0, reproduces=False))})
    verified.keep({"banger": found(Check("loads", "held"), compared("mae", 1, 2, 0.5))})
    verified.keep({"songeval": found(Check("loads", "not checked"))})
    known = "verified on 2026-12-01 against published figures and the example songs (weights 0123456)"
    assert describe("apex") == describe("apex", WEIGHTS) == known
    assert describe("apex", (Weights("a/B", "other"),)) == "not verified here"
    assert describe("banger") == "on 2026-12-01, 1 of 2 checks differed (weights 0123456)"
    assert describe("songeval") == "not verified here"


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"apex": 1}', '{"apex": {"date": "<b>", "weights": [], "version": "", "checks": []}}', "[" * 99999],
)
def test_a_record_that_is_not_ours_counts_for_nothing(content: str, data: Path) -> None:
    data.mkdir()
    (data / verified.FILE).write_text(content)
    assert describe("apex") == "not verified here"
    verified.keep({"apex": found(Check("loads", "held"))})
    assert describe("apex").startswith("verified")


def test_a_record_that_is_not_understood_costs_no_other_and_is_kept(data: Path) -> None:
    verified.keep({"banger": found(Check("loads", "held"))})
    path = data / verified.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"apex": {"of": "another version"}, "new judge": [1]}))
    assert describe("banger").startswith("verified")
    verified.keep({"songeval": found(Check("loads", "held"))})
    written = json.loads(path.read_text())
    assert (written["apex"], written["new judge"]) == ({"of": "another version"}, [1])
    assert describe("banger") == describe("songeval") != describe("apex")


def test_the_page_shows_what_was_printed() -> None:
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    printed = page.partition("```text")[2].partition("```")[0]
    assert {line.split("│")[1].strip() for line in printed.splitlines() if "│" in line} - {""} <= {*REGISTRY}
    assert printed.count(LOADS) == 3
    assert all(f" {name}: " in printed for name in REGISTRY), "the weights of each"
    assert "stand-in" in page


# ---- the command -------------------------------------------------------------------------------------------------


def test_without_a_network_it_says_so_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apex_space.models.hub.unreachable", lambda: "the Hub cannot be reached (ConnectError)")
    done = run("verify", HF_HUB_CACHE=str(tmp_path), APEX_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "No network: the Hub cannot be reached (ConnectError)" in done.stderr
    assert "Nothing was verified" in done.stderr


def test_the_hub_is_asked_for_a_short_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with hub_server.serve() as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        assert hub.unreachable(10) is None
        served.silent = True
        assert hub.unreachable(0.1) == "the Hub did not answer within 0.1 s"
    assert hub.unreachable(10) == "the Hub cannot be reached (ConnectError)"


def test_of_a_dataset_what_is_expected_is_downloaded_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    size = (published.write_released(tmp_path / "released") / "fma_large.csv").stat().st_size
    with hub_server.serve() as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        form = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", form)
        served.repositories["datasets/a/b"] = tmp_path / "released"
        for name, pattern, most, why in (
            ("a/c", "*.csv", size, "the Hub has no such repository"),
            ("a/b", "*.parquet", size, r"it holds no \*.parquet"),
            ("a/b", "*.csv", size - 1, f"it has {size} bytes, more than expected"),
        ):
            with pytest.raises(ConnectionError, match=why):
                hub.fetch_dataset(name, [pattern], most)
        assert served.downloads() == []


def test_the_table_the_json_and_the_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apex_space.models.hub.unreachable", lambda: None)
    results = iter([found(compared("mae", 0.858, 0.857, 0.002)), found(compared("mae", 0.858, np.nan, 0.002)), found()])
    monkeypatch.setattr(verify, "verify", lambda *_: next(results))
    held = run("verify", "banger", "--out", tmp_path, APEX_DATA=str(tmp_path))
    assert held.returncode == 0, held.stderr
    assert all(text in held.stdout for text in ("0.858", "0.857", "1 held, 0 differs", "a/B"))
    posted = json.loads((tmp_path / "verify.json").read_text())
    assert set(posted) == {"date", "version", "machine", "judges"}
    assert "processor" in posted["machine"]
    differs = run("verify", "banger", "--format", "json", APEX_DATA=str(tmp_path))
    assert differs.returncode == 1
    assert json.loads(differs.stdout)["judges"]["banger"]["checks"][0]["ours"] is None
    assert run("verify", "banger", APEX_DATA=str(tmp_path)).returncode == 3
    assert run("verify", "nobody").returncode == 2
