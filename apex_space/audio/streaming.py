"""Says by how much streaming services play a song quieter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """A streaming service that plays songs louder than `target` LUFS at that loudness."""

    name: str
    target: float


SERVICES = (
    Service("Spotify", -14.0),
    Service("YouTube", -14.0),
    Service("Amazon Music", -14.0),
    Service("TIDAL", -14.0),
    Service("Deezer", -15.0),
    Service("Apple Music", -16.0),
)
"""Services and their targets, with the settings that they have at first. docs/measured.md names the sources."""


def turned_down(loudness: float | None) -> dict[str, float]:
    """Return by how many dB each service turns down a song of `loudness` LUFS: 0 if it is not louder than the target.

    Return nothing if the loudness is not known.
    """
    return {} if loudness is None else {each.name: max(0.0, loudness - each.target) for each in SERVICES}
