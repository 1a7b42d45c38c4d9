"""The slow imports of a server, which a process makes once for all that are forked from it."""

import av  # noqa: F401
import limits.storage
import limits.strategies  # noqa: F401
import mcp.server  # noqa: F401
import safetensors.numpy
import safetensors.torch  # noqa: F401
import uvicorn.lifespan.on
import uvicorn.loops.auto  # noqa: F401
import yaml  # noqa: F401

import apex_space.ui.server  # noqa: F401
from apex_space.audio.features import import_librosa

import_librosa()
import librosa.feature  # noqa: E402
import librosa.onset  # noqa: E402, F401
