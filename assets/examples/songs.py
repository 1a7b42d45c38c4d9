"""What a song is, and the list of those that were composed: each file `songs_*.py` registers a family of them."""

from collections.abc import Callable
from dataclasses import dataclass

from synth import Session, Wave, master

Levels = dict[str, tuple[float, float]]  # bus: loudness in LU, reverb send
Score = Callable[[Session], Levels]


@dataclass(frozen=True)
class Song:
    """`score` plays into a Session(seed, key, tempo, beats, **feel); `room` is the reverb's decay in seconds."""

    title: str
    style: str
    key: str
    tempo: float
    description: str
    score: Score
    seed: int
    beats: float
    room: float
    feel: dict[str, float]

    def render(self) -> Wave:
        """[n, 2] at SAMPLE_RATE."""
        session = Session(self.seed, self.key, self.tempo, self.beats, **self.feel)
        levels = self.score(session)
        return master(session.mix(self.room, levels))


SONGS: dict[str, Song] = {}


def song(
    title: str, style: str, key: str, tempo: float, description: str, *, seed: int, beats: float, room: float, **feel
) -> Callable[[Score], Score]:
    """Register a score under its function's name."""

    def register(score: Score) -> Score:
        SONGS[score.__name__] = Song(title, style, key, tempo, description, score, seed, beats, room, feel)
        return score

    return register
