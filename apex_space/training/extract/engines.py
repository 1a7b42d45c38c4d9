"""What does the work: this process, or Ray."""

from collections.abc import Iterable, Iterator

from ...core.errors import AudioError, PreferenceError
from ...core.tables import BadRow
from .encoders import SongEncoder
from .shards import Outcome
from .songs import Song


def encode(song: Song | BadRow, encoder: SongEncoder) -> Outcome:
    """Encode a song. An error that is the song's own becomes part of the outcome."""
    if isinstance(song, BadRow):
        return Outcome(song.name, kind="BadRow", reason=song.why)
    try:
        with song.open() as path:
            return Outcome(song.id, encoder(path), song.labels)
    except (AudioError, PreferenceError) as error:
        return Outcome(song.id, kind=type(error).__name__, reason=str(error))


def run_here(songs: Iterable[Song | BadRow], encoder: SongEncoder) -> Iterator[Outcome]:
    """Encode the songs one after the other in this process."""
    return (encode(song, encoder) for song in songs)
