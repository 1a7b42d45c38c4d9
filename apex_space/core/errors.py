"""Every error a caller can meet. Each message says what was wrong and what to do.

ApexSpaceError
├── AudioError              the file cannot be scored
│   ├── NotAudio            nothing in it decodes as sound
│   ├── EmptyAudio          no bytes, or no samples
│   ├── DamagedAudio        it breaks off, or its header contradicts its content
│   ├── SilentAudio         no sound above -80 dBFS
│   ├── InvalidSamples      NaN or infinity among the samples
│   ├── TooShort            under the least duration
│   ├── TooLong             over the longest duration
│   ├── TooLarge            more bytes than allowed
│   └── UnsupportedFormat   more channels, or another rate, than we take
├── WeightsError            a judge's weights cannot be used
│   ├── WeightsMissing      not on disk, and the Hub cannot be reached or has no such repository
│   └── WeightsInvalid      a file is damaged, incomplete or of another model
├── UnknownJudge            no judge has that name
├── SettingsError           an environment variable has a value that cannot be used
├── Busy                    too many songs are before this one
├── PreferenceError         a preference head cannot be loaded or fitted
├── EvaluationError         predictions cannot be held against ratings
├── OutputRefused           a file that this program did not write would be overwritten
├── BatchError              songs cannot be ranked together
│   ├── TooManySongs        more than are taken at once
│   └── ArchiveRefused      a zip is damaged, or holds more than is taken
├── LinkError               a result cannot be put under a link, or taken from it
│   ├── UnknownLink         no result has that id, or it was deleted
│   └── WrongKey            not the key that the result was stored with
└── ArenaError              something in the arena was refused; nothing was written
    ├── NotEnoughSongs      the pool cannot make a pair
    ├── PoolError           the pool's folder, table or dataset cannot be used
    ├── VoteRefused         this vote does not count
    │   ├── UnknownBattle   no battle has that id
    │   ├── BattleExpired   it was issued too long ago
    │   ├── BattleStale     its songs are no longer what they were
    │   ├── AlreadyVoted    one vote per battle, never changed
    │   └── NotHeard        before the listening time
    ├── TooFast             over a rate limit
    └── StoreError          the votes' database cannot be used
"""


class ApexSpaceError(Exception):
    """Base of all errors raised on purpose; the message is meant for people."""


class AudioError(ApexSpaceError):
    """The file cannot be scored."""


class NotAudio(AudioError):
    """Nothing in the file decodes as sound."""


class EmptyAudio(AudioError):
    """No bytes, or no samples."""


class DamagedAudio(AudioError):
    """It breaks off early, or its header contradicts its content."""


class SilentAudio(AudioError):
    """No sound above -80 dBFS."""


class InvalidSamples(AudioError):
    """NaN or infinity among the samples."""


class TooShort(AudioError):
    """Under the least duration."""


class TooLong(AudioError):
    """Over the longest duration."""


class TooLarge(AudioError):
    """More bytes than allowed."""


class UnsupportedFormat(AudioError):
    """More channels, or another sample rate, than we take."""


class WeightsError(ApexSpaceError):
    """A judge's weights cannot be used."""


class WeightsMissing(WeightsError):
    """Not on disk, and the Hub cannot be reached or has no such repository."""


class WeightsInvalid(WeightsError):
    """A file is damaged, incomplete or of another model."""


class UnknownJudge(ApexSpaceError):
    """No judge has that name."""


class SettingsError(ApexSpaceError):
    """An environment variable has a value that cannot be used."""


class Busy(ApexSpaceError):
    """Too many songs are before this one."""


class PreferenceError(ApexSpaceError):
    """A preference head cannot be loaded or fitted."""


class EvaluationError(ApexSpaceError):
    """Predictions cannot be held against ratings."""


class OutputRefused(ApexSpaceError):
    """A file that this program did not write would be overwritten."""


class BatchError(ApexSpaceError):
    """Songs cannot be ranked together."""


class TooManySongs(BatchError):
    """More than are taken at once."""


class ArchiveRefused(BatchError):
    """A zip is damaged, or holds more than is taken."""


class LinkError(ApexSpaceError):
    """A result cannot be put under a link, or taken from it."""


class UnknownLink(LinkError):
    """No result has that id, or it was deleted."""


class WrongKey(LinkError):
    """Not the key that the result was stored with."""


class ArenaError(ApexSpaceError):
    """Something in the arena was refused; nothing was written."""


class NotEnoughSongs(ArenaError):
    """The pool cannot make a pair."""


class PoolError(ArenaError):
    """The pool's folder, table or dataset cannot be used."""


class VoteRefused(ArenaError):
    """This vote does not count."""


class UnknownBattle(VoteRefused):
    """No battle has that id."""


class BattleExpired(VoteRefused):
    """It was issued too long ago."""


class BattleStale(VoteRefused):
    """Its songs are no longer what they were."""


class AlreadyVoted(VoteRefused):
    """One vote per battle, never changed."""


class NotHeard(VoteRefused):
    """Before the listening time."""


class TooFast(ArenaError):
    """Over a rate limit."""


class StoreError(ArenaError):
    """The votes' database cannot be used."""
