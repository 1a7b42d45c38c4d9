"""All environment variables with their types, defaults and meanings, in one typed object."""

import os
import reprlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import ApexSpaceError, SettingsError

PREFIX = "APEX_"


class Settings(BaseSettings):
    """Settings from environment variables: `APEX_` and the field's name in capitals, such as `APEX_MAX_MINUTES=20`.

    An empty variable, or one of white space, means the default.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    weights: Path | None = Field(
        None, description="Folder with one subfolder per repository; the network is then not used"
    )
    mert_repo: str = Field("m-a-p/MERT-v1-95M", description="Repository of the APEX judge's encoder")
    mert_revision: str = Field("main", description="Its branch, tag or commit")
    head_repo: str = Field("amaai-lab/apex", description="Repository of the APEX judge's head")
    head_revision: str = Field("main", description="Its branch, tag or commit")
    head_file: str | None = Field(None, description="Checkpoint to use if the head's repository holds several")
    reference: Path | None = Field(
        None, description="Table of scores with which a song's scores are compared, such as the csv of rank"
    )
    banger_mert_repo: str = Field("m-a-p/MERT-v1-330M", description="Repository of the Banger judge's encoder")
    banger_mert_revision: str = Field("main", description="Its branch, tag or commit")
    banger_repo: str = Field("treadon/banger-scorer", description="Repository of the Banger judge's head")
    banger_revision: str = Field("main", description="Its branch, tag or commit")
    tunejury_inputs: Literal["audio", "all", "prompt"] = Field(
        "audio",
        description="What the TuneJury judge hears: CLAP's embedding of the song; all: also MERT-v1-330M's; prompt: "
        "also CLAP's of a prompt, if one is given",
    )
    tunejury_repo: str = Field("TuneJury/tunejury", description="Repository of the TuneJury judge's head")
    tunejury_revision: str = Field("main", description="Its branch, tag or commit")
    clap_repo: str = Field("lukewys/laion_clap", description="Repository of CLAP, the encoder of the TuneJury judge")
    clap_revision: str = Field("main", description="Its branch, tag or commit")
    roberta_repo: str = Field("FacebookAI/roberta-base", description="Repository of the tokens of CLAP's prompts")
    roberta_revision: str = Field("main", description="Its branch, tag or commit")
    muq_repo: str = Field(
        "OpenMuQ/MuQ-large-msd-iter", description="Repository of MuQ, an encoder of the judges songeval and hear"
    )
    muq_revision: str = Field("main", description="Its branch, tag or commit")
    musicfm_repo: str = Field(
        "minzwon/MusicFM", description="Repository of MusicFM, the other encoder of the judge hear"
    )
    musicfm_revision: str = Field("main", description="Its branch, tag or commit")
    songeval_file: Path | None = Field(
        None, description="File of SongEval's head; its error message says where to get it"
    )
    songeval_repo: str | None = Field(
        None, description="Repository on the Hub that has SongEval's head, instead of a file"
    )
    songeval_revision: str = Field("main", description="Its branch, tag or commit")
    pocket_repo: str | None = Field(
        None, description="Repository or folder of a head that train ridge has written, instead of the judge pocket's"
    )
    pocket_revision: str = Field("main", description="Its branch, tag or commit")
    hear_repo: str = Field("earlab/EAR_HEAR", description="Repository of the heads of hear-1 and hear-2")
    hear_revision: str = Field("main", description="Its branch, tag or commit")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of matrix products; auto: bfloat16 if it is fast and close to float32 on trial clips",
    )
    fine_windows: bool = Field(
        False, description="Let apex and banger score every 30 s in steps of 5 s instead of 30 s, approximately"
    )
    max_loaded: int = Field(
        1, ge=1, description="Maximum number of judges in memory of those that are loaded on first use (1 to 3 GB each)"
    )
    cache_dir: Path | None = Field(None, description="Folder that keeps songs' embeddings (no audio) over restarts")
    cache_megabytes: float = Field(500, gt=0, description="Maximum size of that folder's cache, in MB")
    max_minutes: float = Field(10, gt=0, description="Maximum length of a song, in minutes")
    max_megabytes: float = Field(50, gt=0, description="Maximum size of a file, in MB")
    upload_megabytes: float = Field(2000, gt=0, description="Maximum size of the files of one upload together, in MB")
    uploads_gigabytes: float = Field(10, gt=0, description="Maximum size of all visitors' songs together, in GB")
    visitor_gigabytes: float = Field(3, gt=0, description="Maximum size of one address's songs together, in GB")
    upload_grace_seconds: float = Field(
        300, ge=0, description="Seconds from a song's last scoring to the deletion of its upload"
    )
    batch: int = Field(200, ge=1, description="Maximum number of songs that the page ranks at once")
    places: int = Field(4, ge=1, description="Maximum number of requests of one address that wait or run at once")
    data: Path = Field(Path("data"), description="Folder of the votes' database, fitted preference heads")
    database_url: SecretStr | None = Field(
        None, description="URL of a PostgreSQL database, which several replicas can share, instead of SQLite"
    )
    sqlite_journal: Literal["wal", "delete"] = Field(
        "wal", description="SQLite's journal; delete for mounted storage without reliable locks, with one process only"
    )
    pool: str | None = Field(
        None, description="Folder or dataset on the Hub with the arena's songs; default: the examples"
    )
    listening_seconds: float = Field(
        5, gt=0, description="Seconds of each song that must be played before a vote; all of a shorter song"
    )
    vote_half_life: float = Field(
        3000,
        ge=0,
        description="Number of votes after which a vote counts half as much for the predictions; 0: all count the same",
    )
    ties: Literal["half", "davidson"] = Field(
        "half", description="How ratings count ties: as half a win for both songs, or by Davidson's model"
    )
    refresh_seconds: float = Field(10, gt=0, description="Seconds between an open leaderboard's checks for new votes")
    preference_repo: str | None = Field(
        None, description="Repository on the Hub with preference heads, which are used before the shipped ones"
    )
    preference_revision: str = Field("main", description="Its branch, tag or commit")
    votes_repo: str | None = Field(None, description="Dataset on the Hub that votes are copied to (needs HF_TOKEN)")
    shared_results: int = Field(
        10_000,
        ge=0,
        description="Maximum number of shared results; the busiest visitor's oldest goes first; 0: no sharing",
    )
    friend_battles: int = Field(
        100, ge=0, description="Maximum number of blind battles for friends that are kept at once; 0: none are made"
    )
    friend_megabytes: float = Field(1000, gt=0, description="Maximum size of the songs of all of them together, in MB")
    friend_visitor_battles: int = Field(5, ge=1, description="Maximum number of them that one visitor has at once")
    friend_visitor_megabytes: float = Field(
        200, gt=0, description="Maximum size of the songs of one visitor's together, in MB"
    )
    friend_hours: float = Field(24, gt=0, description="Hours after which such a battle is deleted with its songs")
    salt: SecretStr | None = Field(
        None, description="Salt of the voters' hashes, the same for all replicas; default: a random one each day"
    )
    proxies: int = Field(
        0,
        ge=0,
        description="Number of trusted proxies whose X-Forwarded-For has the visitor's address; on Spaces 1",
    )

    @model_validator(mode="before")
    @classmethod
    def _ignore_white_space(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        usual = {"proxies": 1} if os.environ.get("SPACE_ID") else {}  # a Space is behind one proxy
        return usual | {name: value for name, value in given.items() if not isinstance(value, str) or value.strip()}


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [_wrong(str(each["loc"][0]), each["msg"], each["input"]) for each in error.errors()]
    raise SettingsError("\n".join(wrong))  # outside the except block: the ValidationError quotes secrets


@contextmanager
def explaining() -> Iterator[None]:
    """Check the settings first. Print an ApexSpaceError as a message on stderr, and exit with status 2."""
    try:
        settings()
        yield
    except ApexSpaceError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def _wrong(field: str, why: str, value: object) -> str:
    """Describe in one line what is wrong with a variable."""
    secret = SecretStr in get_args(Settings.model_fields[field].annotation)
    return f"{PREFIX}{field.upper()}: {why}" + ("" if secret else f", not {reprlib.repr(value)}")


def temporary() -> str | None:
    """Return the folder for uploads that GRADIO_TEMP_DIR names at the time of the call: the server changes it."""
    return os.environ.get("GRADIO_TEMP_DIR", "").strip() or None


def prepare_server(uploads: str) -> None:
    """Set Gradio's folder for uploads, and make uvicorn trust no X-Forwarded-For.

    The setting `proxies` says which proxies are trusted.
    """
    os.environ |= {"GRADIO_TEMP_DIR": uploads, "FORWARDED_ALLOW_IPS": ""}


def prepare_ray() -> None:
    """Make Ray tell nobody that it is used, and keep what its processes log out of the terminal."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
