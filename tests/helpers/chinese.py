"""Holding a page to be Chinese: nothing that is seen on it is English but names."""

import re
from collections.abc import Iterable
from typing import Any

NAMES = r"""APEX( Space)?|English|MERT-v1-(95|330)M|MERT|Pocket|Banger|SongEval|HEAR( [12])?|MuQ|MusicFM|arXiv|
LUFS|LU|dBFS|dBTP|k?Hz|MB|wav|flac|mp3|ogg|opus|m4a|aac|webm|aiff|mp4|mov|CSV|JSON|MCP|API|Gradio|Hub|ROC|Brier|House|
davda54|David Samuel|Glass Morning|MIT|CC[- ]BY-NC(-SA)?([- ]4\.0)?|CC0|Apache-2\.0|GPL-3\.0|UTC|float32|bfloat16|
sha256 \w+|[0-9a-f]{12}|apex_space\S+|[A-G][♯♭]?|(lukewys|DIR)/laion_clap|
(m-a-p|DIR)/MERT-v1-(95|330)M|(OpenMuQ|DIR)/MuQ-large-msd-iter|(minzwon|DIR)/MusicFM|main|ConnectError|DIR|--weights|
APEX_WEIGHTS|APEX_SONGEVAL_FILE|ckpt/model\.safetensors|github\.com/ASLP-lab/SongEval|GB|[\d.]+x|
Spotify|YouTube|Amazon Music|TIDAL|Deezer|Apple Music|TuneJury( Whole \(ours\))?|CLAP|A1"""
"""What has no other name in Chinese, as alternatives of a regular expression."""
SEEN = """() => {
  for (const closed of document.querySelectorAll("details")) closed.open = true;
  const seen = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
  for (let node; (node = walker.nextNode()); ) {
    const parent = node.parentElement;
    if (!parent.closest("script, style, noscript") && seen(parent)) texts.push(node.data.trim());
  }
  for (const name of ["aria-label", "title", "placeholder", "alt"])
    for (const node of document.querySelectorAll(`[${name}]`)) if (seen(node)) texts.push(node.getAttribute(name));
  return texts;
}"""


def english(page: Any, *names: str) -> list[str]:
    """What is seen on the page, or said of what is seen, that has Latin words beside NAMES and those given."""
    return latin(page.evaluate(SEEN), *names)


def latin(texts: Iterable[str], *names: str) -> list[str]:
    """Those of the texts that have Latin words beside NAMES and those given."""
    known = "|".join((*map(re.escape, sorted(names, key=len, reverse=True)), NAMES)).replace("\n", "")
    known = re.compile(f"(?<![A-Za-z0-9_])({known})(?![A-Za-z0-9_])")
    return [text for text in texts if re.search("[A-Za-z]", known.sub("", text))]
