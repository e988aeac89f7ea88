"""How everything looks: one accent, greys, and the colours that stand for a method in every figure.

Nothing is fetched from anywhere: fonts are the visitor's own.
"""

import re
from typing import Any

import gradio as gr

from audioprompt.ui.render import text

PLAIN: dict[str, Any] = {"show_label": False, "container": False}  # a field that says itself what it is for

# One colour per method, the same everywhere, as the styles have them.
COLOURS = dict(re.findall(r"--([\w-]+): ([^;]+);", text("static/theme.css").partition("}")[0]))
VANILLA, TSPE, PALM = COLOURS["vanilla"], COLOURS["tspe"], COLOURS["palm"]

# One light colour per label where labels lie side by side in time (Paul Tol's "light" scheme); dark text reads on all.
LABEL_COLOURS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99", "#BBCC33", "#99DDFF", "#AAAA00", "#C8B6E2")
QUIET = COLOURS["quiet"]

# Ink in figures. Both greys read on white and on near-black; in the page, CSS swaps them for the theme's own text
# colours, so that a figure follows a switch between light and dark without being drawn again.
INK, SOFT_INK = "rgb(112, 112, 118)", "rgb(128, 128, 134)"
RULE = COLOURS["rule"]

# Levels of a spectrogram: from nothing to the accent, over light and dark alike.
LEVELS = [[0, "rgba(162, 59, 114, 0)"], [0.4, "rgba(162, 59, 114, 0.08)"], [1, "rgba(162, 59, 114, 1)"]]

ACCENT = gr.themes.Color(
    name="plum",
    c50="#fdf4f9",
    c100="#fae6f1",
    c200="#f4cde2",
    c300="#eaa6ca",
    c400="#dc78ab",
    c500="#c24d86",
    c600="#a23b72",
    c700="#862f5d",
    c800="#6d284d",
    c900="#5a2441",
    c950="#371226",
)

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")

THEME = gr.themes.Base(
    primary_hue=ACCENT,
    secondary_hue=gr.themes.colors.zinc,
    neutral_hue=gr.themes.colors.zinc,
    spacing_size=gr.themes.sizes.spacing_md,
    radius_size=gr.themes.sizes.radius_md,
    text_size=gr.themes.sizes.text_md,
    font=SYSTEM_FONTS,
    font_mono=MONO_FONTS,
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color_subdued="#66666e",
    body_text_color_subdued_dark="*neutral_400",
    block_background_fill="white",
    block_background_fill_dark="*neutral_900",
    block_border_width="1px",
    block_border_color="*neutral_200",
    block_border_color_dark="*neutral_800",
    block_shadow="none",
    block_label_background_fill="transparent",
    block_label_background_fill_dark="transparent",
    block_label_border_width="0px",
    block_label_text_color="*neutral_500",
    block_label_text_color_dark="*neutral_400",
    block_title_text_color="*neutral_600",
    block_title_text_color_dark="*neutral_300",
    block_title_text_weight="500",
    input_background_fill="white",
    input_background_fill_dark="*neutral_900",
    input_border_width="1px",
    input_border_color="*neutral_300",
    input_border_color_dark="*neutral_700",
    input_border_color_focus="*primary_500",
    input_border_color_focus_dark="*primary_400",
    button_secondary_background_fill="white",
    button_secondary_background_fill_dark="*neutral_900",
    button_secondary_background_fill_hover="*neutral_100",
    button_secondary_background_fill_hover_dark="*neutral_800",
    button_secondary_border_color="*neutral_300",
    button_secondary_border_color_dark="*neutral_700",
    button_border_width="1px",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    button_primary_text_color="white",
)

FIGURES = {  # the template of all figures
    "layout": {
        "font": {"family": ", ".join(SYSTEM_FONTS), "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8, "autoexpand": True},
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.5,
        "hoverlabel": {"font": {"family": ", ".join(SYSTEM_FONTS), "size": 12}},
        "xaxis": {
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "linecolor": RULE,
            "ticks": "outside",
            "tickcolor": RULE,
            "ticklen": 4,
            "tickfont": {"size": 11, "color": SOFT_INK},
        },
        "yaxis": {
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "linecolor": RULE,
            "tickfont": {"size": 11, "color": SOFT_INK},
        },
    }
}
