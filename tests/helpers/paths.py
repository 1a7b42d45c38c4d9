"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "apex_space" / "arena" / "examples"
SONGS = sorted(EXAMPLES.glob("*.ogg"))
