"""Joins or starts a Ray cluster, and tells its errors in this package's words."""

import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ..core.errors import ApexSpaceError
from ..core.settings import prepare_ray
from ..core.text import first_line

CONNECT_SECONDS = 10.0
INSTALL = "Ray is not installed. Install it (pip install 'ray[data]'), or leave out --engine ray."


def has_ray() -> bool:
    """Return whether Ray is installed."""
    return find_spec("ray") is not None


@contextmanager
def cluster(address: str | None, failure: type[ApexSpaceError]) -> Iterator[None]:
    """Join the Ray cluster at `address`, or start one on this machine that ends with the context.

    Raises `failure` if there is no Ray, or if it cannot be reached or started.
    """
    prepare_ray()
    try:
        import ray
    except ImportError as error:
        raise failure(INSTALL) from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    local = {} if address else {"include_dashboard": False}
    try:
        if there := re.fullmatch(r"(?:ray://)?(\S+):(\d+)", address or ""):  # Ray itself would wait for minutes
            socket.create_connection((there[1], int(there[2])), CONNECT_SECONDS).close()
        ray.init(address or "local", **quiet, **local)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise failure(f"Ray cannot be reached or started ({first_line(error)}).") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def own_errors(failure: type[ApexSpaceError]) -> Iterator[None]:
    """Raise an error of this package that happened in a worker as it is, and others of Ray as `failure`."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ApexSpaceError) and not isinstance(cause, RayError):  # RayTaskError may be both
                raise type(cause)(str(cause).splitlines()[0]) from None  # Ray adds lines of its own
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise failure(f"Ray could not go on ({first_line(error)}).") from error
