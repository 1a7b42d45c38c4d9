"""The theme of all pages: plain backgrounds, thin lines instead of shadows, one green.

style.css has the rules for which Gradio's theme has no option.
"""

import gradio as gr
from gradio.themes import Color, Size, sizes

from ..plots.style import ACCENT, NEUTRAL
from .static_files import STATIC, read_static

LOGO = STATIC / "logo.svg"
ICON = '<link rel="icon" href="favicon.ico" type="image/svg+xml">'
"""Link to the logo. Gradio serves the logo as favicon.ico."""
SCRIPTS = ("accessible.js", "refusals.js")
HEAD = (
    "".join(f"<script>{read_static(name)}</script>" for name in SCRIPTS) + f"<style>{read_static('media.css')}</style>"
)
"""Scripts that add what the pages' markup lacks for people who use a screen reader, and that show refusals; and rules
for touch screens and for paper."""
WORDS = gr.I18n(
    **{
        "en": {"common.upload": "Upload", "common.complete": "Complete"},
        "zh-CN": {
            "common.upload": "上传",
            "common.complete": "完成",
            "common.progress": "进度",
            "audio.recording_error": "无法从麦克风开始录音。",
            "status.queue_position": "排队：第 {position} 位，共 {size} 位",
        },
    }
)
"""Texts that Gradio shows on these pages but lacks in its own translations."""
TEXT = Size("11px", "12px", "13px", "15px", "17px", "22px", "28px", name="text")


def theme() -> gr.themes.Base:
    """Return Gradio's base theme with our colours and sizes, and with fonts that every system has."""
    green, grey = Color(*ACCENT, name="green"), Color(*NEUTRAL, name="grey")
    base = gr.themes.Base(
        primary_hue=green,
        secondary_hue=green,
        neutral_hue=grey,
        radius_size=sizes.radius_sm,
        text_size=TEXT,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )
    return base.set(**_SURFACES, **_TEXTS, **_INPUTS, **_CHOICES, **_BUTTONS)


def _pairs(**colours: tuple[str, str]) -> dict[str, str]:
    """Return the theme's options for colours, each given as the one of light pages and the one of dark pages."""
    return {
        name + mode: colour for name, pair in colours.items() for mode, colour in zip(("", "_dark"), pair, strict=True)
    }


_SURFACES = dict(
    _pairs(
        body_background_fill=("*neutral_50", "*neutral_950"),
        block_background_fill=("white", "*neutral_900"),
        border_color_primary=("*neutral_200", "*neutral_700"),
        color_accent_soft=("*primary_50", "*primary_900"),
    ),
    background_fill_primary_dark="*neutral_900",
    background_fill_secondary_dark="*neutral_800",
    block_radius="*radius_lg",
    container_radius="*radius_lg",
    shadow_drop="none",
    shadow_drop_lg="0 4px 20px rgb(0 0 0 / 0.16)",
    layout_gap="20px",
    color_accent="*primary_600",
    code_background_fill_dark="*neutral_800",
)
_TEXTS = dict(
    _pairs(
        body_text_color=("*neutral_900", "*neutral_100"),
        body_text_color_subdued=("*neutral_600", "*neutral_300"),
        link_text_color=("*primary_700", "*primary_300"),
        link_text_color_active=("*primary_800", "*primary_200"),
        link_text_color_hover=("*primary_800", "*primary_200"),
        link_text_color_visited=("*primary_700", "*primary_300"),
        block_label_background_fill=("transparent", "transparent"),
        block_label_text_color=("*neutral_600", "*neutral_300"),
        block_title_text_color=("*neutral_600", "*neutral_300"),
        block_info_text_color=("*neutral_600", "*neutral_300"),
    ),
    block_label_border_width="0px",
    block_label_padding="10px 14px",
    block_label_text_size="*text_sm",
    block_label_text_weight="600",
    block_title_text_size="*text_sm",
    block_title_text_weight="600",
)
_INPUTS = dict(
    _pairs(
        input_background_fill=("white", "*neutral_950"),
        input_border_color=("*neutral_400", "*neutral_500"),
        input_border_color_focus=("*primary_600", "*primary_300"),
        input_placeholder_color=("*neutral_500", "*neutral_400"),
    ),
    input_border_width="1px",
    input_padding="10px 12px",
    input_radius="*radius_md",
    slider_color_dark="*primary_400",
)
_CHOICES = dict(
    _pairs(
        checkbox_border_color=("*neutral_400", "*neutral_500"),
        checkbox_label_background_fill=("white", "*neutral_900"),
        checkbox_label_background_fill_hover=("*neutral_100", "*neutral_800"),
        checkbox_label_background_fill_selected=("*primary_50", "*primary_900"),
        checkbox_label_border_color_selected=("*primary_600", "*primary_400"),
    ),
    checkbox_border_color_selected_dark="*primary_400",
    checkbox_background_color_dark="*neutral_950",
    checkbox_border_radius="*radius_md",
    checkbox_label_gap="8px",
    checkbox_label_padding="7px 12px",
    checkbox_label_text_size="*text_md",
)
_BUTTONS = dict(
    _pairs(
        button_primary_background_fill_hover=("*primary_700", "*primary_700"),
        button_primary_border_color=("*primary_600", "*primary_500"),
        button_secondary_background_fill=("white", "*neutral_900"),
        button_secondary_background_fill_hover=("*neutral_100", "*neutral_800"),
        button_secondary_border_color=("*neutral_300", "*neutral_600"),
        button_secondary_text_color=("*neutral_900", "*neutral_100"),
        button_cancel_text_color=("#a1260d", "#ff9f85"),
    ),
    button_border_width="1px",
    button_transition="background-color 0.15s, border-color 0.15s",
    button_large_padding="10px 20px",
    button_large_text_size="*text_md",
    button_medium_text_size="*text_md",
    button_small_padding="6px 12px",
    button_primary_background_fill="*primary_600",
)
