"""All errors that a caller can get. Each message says what was wrong and what to do.

ApexSpaceError
├── AudioError              the file cannot be scored
│   ├── NotAudio            nothing in the file decodes as sound
│   ├── EmptyAudio          the file has no bytes or no samples
│   ├── DamagedAudio        the file breaks off early, or its header contradicts its content
│   ├── SilentAudio         the file has no sound above -80 dBFS
│   ├── InvalidSamples      a sample is NaN, infinite or far beyond full scale
│   ├── TooShort            the sound is shorter than the minimum
│   ├── TooLong             the sound is longer than the maximum
│   ├── TooLarge            the file has more bytes than allowed
│   ├── UnsupportedFormat   the number of channels or the sample rate is not supported
│   └── CannotChange        a change does not apply to this song
├── WeightsError            a judge's weights cannot be used
│   ├── WeightsMissing      they are not on disk, and the Hub cannot be reached or has no such repository
│   └── WeightsInvalid      a file is damaged, incomplete or of another model
├── UnknownJudge            no judge has this name
├── PromptRefused           the judge hears no prompt
├── SettingsError           an environment variable has a value that cannot be used
├── Busy                    the queue is full
├── PreferenceError         a preference head cannot be loaded or fitted
├── EvaluationError         predictions cannot be compared with ratings
├── ExtractionError         songs cannot be turned into a table of embeddings
├── TrainingError           songs, targets or settings cannot be trained with, or a run cannot be written
├── OutputRefused           a file of others would be overwritten, or the folder cannot be written to
├── BatchError              songs cannot be ranked together
│   ├── TooManySongs        there are more songs than allowed at once
│   └── ArchiveRefused      a zip is damaged, or holds more than allowed
├── LinkError               a shared result or a battle for friends cannot be stored or read
│   ├── UnknownLink         nothing has this id, or it was deleted
│   └── WrongKey            it was stored with another key
└── ArenaError              the arena refused a request; nothing was written
    ├── NotEnoughSongs      the pool cannot make a pair
    ├── UnknownBoard        the leaderboard has no board of this name
    ├── PoolError           the pool's folder, table or dataset cannot be used
    ├── VoteRefused         the vote does not count
    │   ├── UnknownBattle   no battle has this id
    │   ├── BattleExpired   the battle was issued too long ago
    │   ├── BattleStale     the battle's songs are no longer the same
    │   ├── AlreadyVoted    the battle has a vote, and votes are never changed
    │   └── NotHeard        the vote came before the listening time was over
    ├── TooFast             the visitor is over a rate limit
    └── StoreError          the votes' database cannot be used
"""

from typing import Any

from .text import message


class ApexSpaceError(Exception):
    """Base class of all errors raised on purpose. The message is meant for people.

    It is `template` with its `values`, a `text.Message`, so that it can be shown in other languages.
    """

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(message(template, **values) if values else template)


class AudioError(ApexSpaceError):
    """The file cannot be scored."""


class NotAudio(AudioError):
    """Nothing in the file decodes as sound."""


class EmptyAudio(AudioError):
    """The file has no bytes or no samples."""


class DamagedAudio(AudioError):
    """The file breaks off early, or its header contradicts its content."""


class SilentAudio(AudioError):
    """The file has no sound above -80 dBFS."""


class InvalidSamples(AudioError):
    """A sample is NaN, infinite or far beyond full scale."""


class TooShort(AudioError):
    """The sound is shorter than the minimum."""


class TooLong(AudioError):
    """The sound is longer than the maximum."""


class TooLarge(AudioError):
    """The file has more bytes than allowed."""


class UnsupportedFormat(AudioError):
    """The number of channels or the sample rate is not supported."""


class CannotChange(AudioError):
    """A change does not apply to this song, or cannot be made to it."""


class WeightsError(ApexSpaceError):
    """A judge's weights cannot be used."""


class WeightsMissing(WeightsError):
    """The weights are not on disk, and the Hub cannot be reached or has no such repository."""


class WeightsInvalid(WeightsError):
    """A file of weights is damaged, incomplete or of another model."""


class UnknownJudge(ApexSpaceError):
    """No judge has this name."""


class PromptRefused(ApexSpaceError):
    """The judge hears no prompt."""


class SettingsError(ApexSpaceError):
    """An environment variable has a value that cannot be used."""


class Busy(ApexSpaceError):
    """The queue is full."""


class PreferenceError(ApexSpaceError):
    """A preference head cannot be loaded or fitted."""


class EvaluationError(ApexSpaceError):
    """Predictions cannot be compared with ratings."""


class ExtractionError(ApexSpaceError):
    """Songs cannot be turned into a table of embeddings."""


class TrainingError(ApexSpaceError):
    """Songs, targets or settings cannot be trained with, or a run cannot be written."""


class OutputRefused(ApexSpaceError):
    """A file of others would be overwritten, the folder cannot be written to, or another run writes there."""


class BatchError(ApexSpaceError):
    """Songs cannot be ranked together."""


class TooManySongs(BatchError):
    """There are more songs than allowed at once."""


class ArchiveRefused(BatchError):
    """A zip is damaged, or holds more than allowed."""


class LinkError(ApexSpaceError):
    """A shared result or a battle for friends cannot be stored or read."""


class UnknownLink(LinkError):
    """Nothing has this id, or it was deleted."""


class WrongKey(LinkError):
    """It was stored with another key."""


class ArenaError(ApexSpaceError):
    """The arena refused a request; nothing was written."""


class NotEnoughSongs(ArenaError):
    """The pool cannot make a pair."""


class UnknownBoard(ArenaError):
    """The leaderboard has no board of this name."""


class PoolError(ArenaError):
    """The pool's folder, table or dataset cannot be used."""


class VoteRefused(ArenaError):
    """The vote does not count."""


class UnknownBattle(VoteRefused):
    """No battle has this id."""


class BattleExpired(VoteRefused):
    """The battle was issued too long ago."""


class BattleStale(VoteRefused):
    """The battle's songs are no longer the same."""


class AlreadyVoted(VoteRefused):
    """The battle has a vote, and votes are never changed."""


class NotHeard(VoteRefused):
    """The vote came before the listening time was over."""


class TooFast(ArenaError):
    """The visitor is over a rate limit."""


class StoreError(ArenaError):
    """The votes' database cannot be used."""
