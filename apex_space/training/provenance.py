"""Says what made the embeddings and the targets of a run, from the manifests that the commands before it wrote."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from .apex.targets import Manifest
from .banger.targets import BangerManifest
from .columns import ENCODERS, MADE_BY
from .songeval.targets import RatingsManifest

ENCODER = ("encoder", "repository", "revision", "precision", "version")
MANIFESTS = (Manifest, BangerManifest, RatingsManifest)


def provenance(source: Path, targets: Path | None) -> dict[str, Any]:
    """Return the encoder of the segments or frames in `source`, and the table of targets with its manifest.

    Where frames of several encoders stand side by side, `encoder` is a list. No folder is named. What the files do not
    say is None. Call it after the tables were read.
    """
    table = None
    if targets is not None:
        digest = hashlib.sha256(targets.read_bytes()).hexdigest()
        table = {"file": targets.name, "sha256": digest, "manifest": _manifest(targets.with_suffix(".json"))}
    return {"encoder": _encoder(source), "targets": table}


def encoders_of(frames: Path) -> list[dict[str, Any]] | None:
    """Return the encoders of a folder of frames, or None if it does not say."""
    file = frames / ENCODERS
    found = (record(file.read_bytes()) or {}).get("encoders") if file.is_file() else None
    known = [_known(each) for each in found] if isinstance(found, list) else []
    return [each for each in known if each is not None] or None


def _encoder(source: Path) -> dict[str, Any] | list[dict[str, Any]] | None:
    from pyarrow import parquet

    if source.is_dir() and (frames := encoders_of(source)) is not None:
        return frames if len(frames) > 1 else frames[0]
    file = min(source.rglob("segments-*.parquet"), default=None) if source.is_dir() else source
    metadata = (parquet.read_schema(file).metadata or {}) if file else {}
    return _known(record(metadata.get(MADE_BY, b"")))


def _known(found: Any) -> dict[str, Any] | None:
    complete = isinstance(found, dict) and found.keys() >= {*ENCODER}
    return {name: found[name] for name in ENCODER} if complete else None


def _manifest(path: Path) -> dict[str, Any] | None:
    """Return a manifest of the command targets, without what others may have added."""
    found = record(path.read_bytes()) if path.is_file() else None
    for kind in MANIFESTS:
        names = [field.name for field in fields(kind)]
        if found and found.keys() >= {*names}:
            return {name: found[name] for name in names}
    return None


def record(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, or None."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
