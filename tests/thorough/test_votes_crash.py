"""As in `server`, a vote that was acknowledged is there after a crash: over several crashes and more votes."""

from pathlib import Path

import pytest

from helpers.database import KINDS
from server.test_votes_crash import every_vote_survives


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_vote_survives_crash_after_crash(kind: str, tmp_path: Path) -> None:
    every_vote_survives(kind, tmp_path, rounds=3, seconds=1.5)
