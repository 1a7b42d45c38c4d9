"""The slow imports of a server, which a process makes once for all that are forked from it."""

import mcp.server  # noqa: F401
import safetensors.torch  # noqa: F401
import yaml  # noqa: F401

import apex_space.ui.server  # noqa: F401
from apex_space.audio.features import import_librosa

import_librosa()
