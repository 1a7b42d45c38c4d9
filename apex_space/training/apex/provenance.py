"""Says what made the embeddings and the targets of a run, from the manifests that the commands before it wrote."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ..columns import MADE_BY
from .targets import Manifest

ENCODER = ("encoder", "repository", "revision", "precision", "version")


def provenance(segments: Path, targets: Path | None) -> dict[str, Any]:
    """Return the encoder of the segments, and the table of targets with its manifest. It names no folder.

    What the files do not say is None. Call it after the tables were read.
    """
    table = None
    if targets is not None:
        digest = hashlib.sha256(targets.read_bytes()).hexdigest()
        table = {"file": targets.name, "sha256": digest, "manifest": _manifest(targets.with_suffix(".json"))}
    return {"encoder": _encoder(segments), "targets": table}


def _encoder(segments: Path) -> dict[str, Any] | None:
    from pyarrow import parquet

    file = min(segments.rglob("segments-*.parquet"), default=None) if segments.is_dir() else segments
    metadata = (parquet.read_schema(file).metadata or {}) if file else {}
    found = _record(metadata.get(MADE_BY, b""))
    return {name: found[name] for name in ENCODER} if found and found.keys() >= {*ENCODER} else None


def _manifest(path: Path) -> dict[str, Any] | None:
    found = _record(path.read_bytes()) if path.is_file() else None
    return found if found and found.keys() >= Manifest.__dataclass_fields__.keys() else None


def _record(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
