"""The About page: every judge with its weights and licence, cards, limits, references and versions."""

import re
from pathlib import Path

from apex_space import __version__
from apex_space.audio.damage import KINDS
from apex_space.core.i18n import use_language
from apex_space.core.settings import Settings
from apex_space.evaluation.profile import shipped
from apex_space.evaluation.published import PMQD
from apex_space.judges.registry import REGISTRY, JudgeEntry, card
from apex_space.models.hub import Weights
from apex_space.plots.robustness import LABELS
from apex_space.storage.rate_limits import LIMITS
from apex_space.ui.pages.about import _card
from apex_space.ui.render import about as render
from apex_space.ui.static_files import read_static
from helpers.chinese import latin

CARD = ("AUC", "Spearman", "Emotify", "kbit/s", "dB", "AI", "MIDI", "MP3")
"""Names and units in the card."""
FIGURE = re.compile(r"`\w+`|\d[\d.,]*\d|\d")
ENTRY = re.compile(r"@(?:misc|article)\{(\w+),\n(.*?)\n\}", re.DOTALL)


def test_every_judge_is_there_with_its_licence_and_what_is_loaded() -> None:
    shown = render.judges(REGISTRY, {})
    for entry in REGISTRY.values():
        assert entry.title in shown
        assert entry.licence in shown
    assert "verified on 20" in shown
    assert "not verified here" in render.judges(REGISTRY, {"pocket": (Weights("other", "1"),)})
    shown, _, inside = render.weights(Settings(), {"pocket": (Weights("shipped", "sha256 123"),)}).partition(
        "</summary>"
    )
    assert "m-a-p/" not in shown
    assert "m-a-p/MERT-v1-95M" in inside
    assert "shipped, sha256 123" in inside


def test_a_folder_that_is_named_instead_of_a_repository_is_not_shown(tmp_path: Path) -> None:
    assert str(tmp_path) not in render.models(Settings(head_repo=str(tmp_path)))


def test_every_repository_has_its_card_and_revision() -> None:
    shown = render.models(Settings(mert_revision="v7", votes_repo="me/votes"))
    for id in ("m-a-p/MERT-v1-95M", "amaai-lab/apex", "treadon/banger-scorer", "minzwon/MusicFM", "earlab/EAR_HEAR"):
        assert f'href="https://huggingface.co/{id}"' in shown
    assert "m-a-p/MERT-v1-95M</a> at v7: " in shown
    assert "me/votes" not in shown


def test_what_a_setting_or_a_file_says_is_escaped() -> None:
    entry = JudgeEntry("<b>A</b>", "<i>", "pocket", "<u>")
    hostile = {"pocket": (Weights('a/"><script>', "<1>"),)}
    shown = render.judges({"pocket": entry}, hostile) + render.weights(Settings(), hostile)
    assert "<script" not in shown
    assert not re.search("<[biu1]>", shown)
    assert "<script" not in render.models(Settings(head_repo='a"><script>'))
    assert "<pre>&lt;b&gt;" in render.references("<b>")


def test_limits_are_those_of_the_settings() -> None:
    shown = render.limits(Settings(max_minutes=7, max_megabytes=33, shared_results=0), LIMITS, {"Songs that wait": 50})
    for text in ("7 minutes", "33 MB", "none", "50 at most", "30 a minute, 1500 a day", "600 an hour"):
        assert text in shown
    assert set(render.ACTIONS) == set(LIMITS)


def test_the_card_that_is_shipped_and_those_on_the_hub() -> None:
    assert str(card("pocket")).startswith("# The pocket judge")
    assert card("apex") is None
    shown = render.card("# A\n\n<b>\n\n## B\n\n|a|b|\n|-|-|\n|1|2|\n", "en")
    assert shown.startswith('<div lang="en">')
    assert "<h3>A</h3>" in shown
    assert "<h4>B</h4>" in shown
    assert "<b>" not in shown
    assert "<td></td>" in render.card("||b|\n|-|-|\n|1|2|\n", "en")
    assert re.search(
        '<div class="scroll" tabindex="0" role="region" aria-label="Table 1"><table>.*</table></div>', shown, re.S
    )


def test_the_chinese_card_has_the_parts_and_figures_of_the_english_one() -> None:
    """Whoever trains the judge again translates its card again."""
    english, chinese = (re.split("(?m)^## ", str(card("pocket", language))) for language in ("", "zh-CN"))
    for part, translated in zip(english, chinese, strict=True):
        assert sorted(FIGURE.findall(translated)) == sorted(FIGURE.findall(part))
        assert translated.count("\n|") == part.count("\n|")
    kinds = re.findall(r"`(\w+)`", "".join(english))
    texts = re.findall(r"[^|\n]+", re.sub("`[^`]+`", "", "".join(chinese)))
    assert latin([text for text in texts if not re.search("Aljanaki|David Samuel", text)], *CARD, *kinds) == []


def test_the_page_shows_the_card_in_its_language() -> None:
    assert _card("pocket").startswith('<div lang="en"><h3>The pocket judge')
    with use_language("zh-CN"):
        assert _card("pocket").startswith('<div lang="zh-CN"><h3>Pocket 评委')
        assert 'aria-label="表 1"' in _card("pocket")


def test_references_are_whole_and_name_the_papers_of_the_judges() -> None:
    text = read_static("references.bib")
    entries = dict(ENTRY.findall(text))
    assert len(entries) == text.count("@")
    for fields in entries.values():
        found = dict(re.findall(r"^  (\w+) += \{(.*?)\}(?:,\n|$)", fields, re.DOTALL | re.MULTILINE))
        assert [*found][:2] == ["title", "author"]
        if "eprint" in found:
            assert [*found][2:] == ["year", "eprint", "archivePrefix"]
            assert re.fullmatch(r"\d{4}\.\d{5}", found["eprint"])
        else:
            assert {"url", "doi", "note"} & found.keys()
        assert found.get("version", __version__) == __version__
    for judge in REGISTRY.values():
        for paper in re.findall(r"arXiv (\d{4}\.\d{5})", judge.summary):
            assert paper in text
    judges = {re.sub(r"-\d|-whole", "", name) for name in REGISTRY}
    assert judges | {"apexspace", "emotify", "davda54"} <= entries.keys()


def test_each_reference_has_a_title_and_a_button() -> None:
    shown = render.references(read_static("references.bib"))
    count = read_static("references.bib").count("@")
    assert shown.count("<button") == shown.count("<pre>@") == count
    assert [*re.findall("<h3>(.*?)</h3>", shown)] == list(render.GROUPS.values())
    assert 'aria-label="Copy: The Banger Scorer"' in shown


def test_the_damage_that_a_judge_hears_is_drawn_and_said_in_its_language() -> None:
    profile = shipped("pocket")
    assert profile is not None
    shown = render.robustness(profile)
    assert shown.count('<svg class="damage"') == len(KINDS)
    assert f"{len(profile.songs)} of our example songs" in shown
    assert "noticed at severity" in shown
    for kind in KINDS:
        assert LABELS[kind.name] in shown
    for ratings in PMQD.values():
        assert f"<td>{ratings[-1]:.2f}</td>" in shown
    with use_language("zh-CN"):
        chinese = render.robustness(profile)
    seen = [*re.findall(">([^<]+)<", chinese), *re.findall('aria-label="(.*?)"', chinese)]
    assert latin(seen, *CARD, "PMQD") == []
