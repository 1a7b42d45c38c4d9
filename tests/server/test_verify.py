"""The command verify with the Hub's real client, in its own process, against a server of ours with stand-ins."""

import json
from pathlib import Path

from apex_space.evaluation.verify import LOADS
from helpers import hub_server, published
from helpers.hub_client import run_program
from helpers.melodies import write

CODE = """
from pathlib import Path
from apex_space.cli import app
from apex_space.evaluation import verify
pairs = (verify.Pair(Path({intact!r}), Path({damaged!r}), "clarity"),)
verify.example_pairs = lambda: pairs
app({arguments!r})
"""
"""The command line with two short songs as examples."""


def test_stand_ins_load_and_are_not_taken_for_the_real_ones(panel_weights: Path, tmp_path: Path) -> None:
    intact, damaged = (write(tmp_path / f"{seed}.wav", seed) for seed in (1, 2))
    arguments = ["verify", "songeval", "--songeval", "--out", str(tmp_path / "out")]
    code = CODE.format(intact=str(intact), damaged=str(damaged), arguments=arguments)
    environment = {
        "APEX_SONGEVAL_REPO": "stand-in/SongEval",
        "APEX_DATA": str(tmp_path / "data"),
        "APEX_CACHE_DIR": "",
    }
    with hub_server.serve() as hub:
        hub.repositories |= published.repositories(tmp_path / "served", panel_weights)
        printed = run_program(hub, tmp_path, "-c", code, code=1, **environment)
    posted = json.loads((tmp_path / "out" / "verify.json").read_text())
    found = {(judge, check["what"]): check for judge, each in posted["judges"].items() for check in each["checks"]}
    assert found["songeval", LOADS]["outcome"] == "held"
    assert found["songeval", "scores are numbers within their range"]["outcome"] == "held"
    assert all(w["revision"] == hub_server.COMMIT for w in posted["judges"]["songeval"]["weights"])
    metric = found["songeval", "validation songs of SongEval: LCC of musicality"]
    assert (metric["outcome"], metric["published"], metric["reproduces"]) == ("differs", 0.913, True)
    assert -1 <= metric["ours"] <= 1
    assert found["songeval", "validation songs of SongEval with ratings"]["ours"] == 2
    assert sorted(name for name in hub.downloads() if name.endswith("mp3")) == ["23.mp3", "51.mp3"]
    assert "0.913" in printed
    assert "Traceback" not in printed
    assert str(tmp_path) not in json.dumps(posted)
    kept = json.loads((tmp_path / "data" / "verified.json").read_text())
    assert kept == posted["judges"]
