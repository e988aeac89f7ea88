"""How everything looks: one accent, greys, and the colours that stand for a method in every figure.

Nothing is fetched from anywhere: fonts are the visitor's own.
"""

import gradio as gr
import plotly.graph_objects as go

# One colour per method, the same everywhere (Okabe and Ito's, told apart by colour-blind eyes too).
VANILLA = "#0072B2"
TSPE = "#E69F00"
PALM = "#009E73"

# One light colour per label where labels lie side by side in time (Paul Tol's "light" scheme); dark text reads on all.
LABEL_COLOURS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99", "#BBCC33", "#99DDFF", "#AAAA00", "#C8B6E2")
QUIET = "#BBBBBB55"

# Ink in figures. Both greys read on white and on near-black; in the page, CSS swaps them for the theme's own text
# colours, so that a figure follows a switch between light and dark without being drawn again.
INK, SOFT_INK = "rgb(112, 112, 118)", "rgb(128, 128, 134)"
RULE = "rgba(128, 128, 134, 0.25)"

# Levels of a spectrogram: from nothing to the accent, over light and dark alike.
LEVELS = [[0, "rgba(162, 59, 114, 0)"], [0.4, "rgba(162, 59, 114, 0.08)"], [1, "rgba(162, 59, 114, 1)"]]

ACCENT = gr.themes.Color(
    name="plum",
    c50="#fdf4f9", c100="#fae6f1", c200="#f4cde2", c300="#eaa6ca", c400="#dc78ab", c500="#c24d86", c600="#a23b72",
    c700="#862f5d", c800="#6d284d", c900="#5a2441", c950="#371226",
)  # fmt: skip

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

FIGURES = go.layout.Template(
    layout={
        "font": {"family": ", ".join(SYSTEM_FONTS), "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8, "autoexpand": True},
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.5,
        "hoverlabel": {"font": {"family": ", ".join(SYSTEM_FONTS), "size": 12}},
        "xaxis": {
            "fixedrange": True, "showgrid": False, "zeroline": False, "linecolor": RULE, "ticks": "outside",
            "tickcolor": RULE, "ticklen": 4, "tickfont": {"size": 11, "color": SOFT_INK},
        },
        "yaxis": {
            "fixedrange": True, "showgrid": False, "zeroline": False, "linecolor": RULE,
            "tickfont": {"size": 11, "color": SOFT_INK},
        },
    }
)  # fmt: skip

CSS = f"""
.gradio-container {{ max-width: 1680px !important; margin: 0 auto !important; width: 100%; }}
.gradio-container > .main {{ padding: 12px clamp(12px, 2vw, 24px) 8px !important; }}
.html-container {{ padding: 0 !important; }}
/* Gradio measures the tabs by copies of them, which would otherwise be reached with the keyboard though not seen. */
.tab-container.visually-hidden {{ visibility: hidden; }}
.tab-container button.selected, .overflow-dropdown button.selected {{ color: var(--primary-700); }}
.dark .tab-container button.selected, .dark .overflow-dropdown button.selected {{ color: var(--primary-300); }}
footer .divider {{ display: none; }}
.modebar {{ display: none !important; }}
.js-plotly-plot text[style*="{INK}"] {{ fill: var(--body-text-color) !important; }}
.js-plotly-plot text[style*="{SOFT_INK}"] {{ fill: var(--body-text-color-subdued) !important; }}

#header {{ align-items: center; justify-content: space-between; flex-wrap: wrap; gap: 0 24px; }}
#header > * {{ flex: 0 1 auto; min-width: 0 !important; width: auto; padding: 0; }}
#header .name {{ display: inline; font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em; margin: 0 10px 0 0; }}
#model {{ align-items: center; gap: 10px; flex-wrap: nowrap; }}
#model > * {{ min-width: 0 !important; }}
#model-picker {{ flex: 0 1 190px; }}
#model-state {{ flex: 0 0 auto; width: auto; white-space: nowrap; }}
#model-open {{ flex: 0 0 auto; width: auto; white-space: nowrap; }}
#weights, #password {{ gap: 8px; }}
#weights:not(:has(.problem)) {{ display: none; }}  /* Gradio would show it while the page opens */
#curate-session {{ padding: 0 !important; color: var(--body-text-color-subdued); font-size: 0.875rem; }}
body:not(.signing-in) #password {{ display: none; }}
#sign-in {{ flex: 0 0 auto; width: auto; padding: 5px 12px; font-weight: 400; font-size: 0.875rem; }}
#header .purpose, #model-state {{ color: var(--body-text-color-subdued); }}
#model-state .dot {{ display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px; }}
.dot.ready {{ background: {PALM}; }}  .dot.loading {{ background: {TSPE}; }}  .dot.failed {{ background: #D55E00; }}

.switch .tab-container {{ border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 3px; gap: 3px;
  height: auto; width: fit-content; background: var(--block-background-fill); }}
/* Without a width of its own it would have none while it is not seen, and Gradio would fold its tabs away for good. */
.switch .tab-container {{ min-width: 230px; }}
.switch .tab-container::after {{ display: none; }}
.switch .tab-container button {{ flex: 1 0 auto; height: 28px; padding: 0 12px; border-radius: 6px;
  font-size: 0.875rem; }}
.switch .tab-container button::after {{ display: none !important; }}
.switch .tab-container button.selected {{ background: var(--primary-50); }}
.dark .switch .tab-container button.selected {{ background: var(--primary-900); color: white; }}

#sound .timestamps time, #sound .controls {{ color: var(--body-text-color-subdued); }}
.examples {{ gap: 8px; }}
.examples button {{ flex: 0 0 auto; border-radius: 999px; padding: 5px 13px; font-weight: 400; font-size: 0.875rem; }}

.playback {{ color: var(--body-text-color-subdued) !important; }}

#microphone [aria-label="Clear"] {{ display: none; }}  /* there is nothing to clear: nothing is kept */
.secondary-wrap input {{ text-overflow: ellipsis; }}

#verdict, #live {{ padding: 0; }}
/* Gradio's sign of work lies over the answer's words, and its progress over its own: both get a line above the answer,
   which is in view on a phone too. */
#answer {{ scroll-margin-top: 12px; }}
#verdict [data-testid="status-tracker"]:not(:has(.progress-level)) {{ display: none; }}
#answer:has(#verdict [data-testid="status-tracker"].translucent:not(.hide, :has(.progress-level)))::before {{
  content: "Working on the answer …"; position: sticky; top: 0; z-index: 5; padding: 6px 10px; border-radius: 6px;
  font-size: 0.875rem; border: 1px solid var(--primary-600); background: var(--block-background-fill); }}
#verdict [data-testid="status-tracker"]:has(.progress-level) {{ position: static !important; display: flex;
  flex-direction: column; align-items: stretch; gap: 4px; margin-bottom: 10px; font-size: 0.875rem; }}
#verdict :is(.progress-text, .progress-level, .progress-level-inner, .progress-bar-wrap) {{ width: 100%; padding: 0;
  position: static !important; transform: none !important; margin: 0; font-family: inherit; text-align: left; }}
#verdict .progress-bar-wrap {{ height: 8px; margin-top: 4px; border-radius: 4px; background: {RULE}; border: 0; }}
#verdict .progress-text {{ color: var(--body-text-color-subdued); }}
.verdict .label {{ font-size: 1.75rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.25; }}
.verdict .words {{ margin-top: 2px; }}
.verdict .notice {{ color: var(--body-text-color-subdued); font-size: 0.875rem; }}
.verdict, .problem, .empty, .stale, .head {{ overflow-wrap: anywhere; }}
#stale:not(:has(.stale)) {{ display: none; }}
.stale {{ border-left: 3px solid {TSPE}; padding: 4px 10px; font-size: 0.875rem; }}
#head-in-use:not(:has(.head)) {{ display: none; }}
#head-in-use {{ align-items: center; }}
#head-in-use .head {{ font-size: 0.875rem; }}
.problem {{ border-left: 3px solid #D55E00; padding: 2px 0 2px 12px; }}
.terms {{ margin: 0 !important; padding: 0; color: var(--body-text-color-subdued); font-size: 0.8125rem; }}
.terms li {{ list-style: none; margin: 0; }}
#terms {{ padding: 0; }}  #answer:not(:has(#vanilla)) #terms {{ display: none; }}
.empty {{ color: var(--body-text-color-subdued); padding: 48px 24px; text-align: center; }}

#votes table {{ width: 100%; margin: 0; border: 0; border-collapse: collapse; table-layout: fixed; }}
#votes {{ font-size: 0.875rem; }}
#votes th:nth-child(2) {{ width: 27%; }}  #votes th:nth-child(3) {{ width: 3.5em; }}
#votes th, #votes td {{ border: 0; padding: 5px 12px 5px 0; text-align: left; overflow-wrap: anywhere; }}
#votes thead, #votes tbody, #votes tr {{ border: 0; }}
#votes td {{ border-top: 1px solid var(--border-color-primary); }}
#votes th {{ font-weight: 500; color: var(--body-text-color-subdued); }}
#votes .number {{ text-align: right; padding-right: 0; font-variant-numeric: tabular-nums; }}
#votes i {{ display: inline-block; width: 8px; height: 8px; border-radius: 2px; margin-right: 7px; }}

body:not([data-sound="live"]) #live {{ display: none; }}
body[data-sound="live"] #answer, body[data-sound="live"] #classify {{ display: none; }}
.live .now {{ display: flex; justify-content: space-between; align-items: baseline; gap: 16px; }}
.live .label {{ font-size: 1.75rem; font-weight: 650; letter-spacing: -0.02em; overflow-wrap: anywhere; }}
.live .label.quiet, .live .latency, .live .ends, .live .meter span {{ color: var(--body-text-color-subdued); }}
.live .latency, .live .ends, .live .key, .live .meter span {{ font-size: 0.8125rem; white-space: nowrap; }}
.live .latency, .live .number, .live .meter span {{ font-variant-numeric: tabular-nums; }}
.live .track {{ height: 10px; border-radius: 3px; overflow: hidden; background: {RULE}; }}
.live .track i {{ display: block; height: 100%; border-radius: 3px; transition: width 0.2s linear; }}
.live .meter {{ display: grid; grid-template-columns: 1fr 4.5em; gap: 8px; align-items: center; margin: 6px 0 16px; }}
.live .meter .track i {{ background: var(--body-text-color-subdued); }}  .live .meter span {{ text-align: right; }}
.live .columns {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px; }}
.live .method {{ padding: 10px 14px 14px; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: var(--block-background-fill); }}
.live .method .name {{ font-weight: 650; margin-bottom: 6px; }}
.live .method .name i {{ display: inline-block; width: 10px; height: 10px; margin-right: 7px; }}
.live .row {{ display: grid; grid-template-columns: 1fr auto; gap: 3px 8px; margin-top: 9px; font-size: 0.8125rem; }}
.live .row span:first-child {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.live .row .track {{ grid-column: 1 / -1; }}
.live .minute {{ margin-top: 18px; }}
.live .strip {{ position: relative; height: 28px; border-radius: 5px; overflow: hidden; background: {QUIET}; }}
.live .strip i {{ position: absolute; top: 0; bottom: 0; }}
.live .ends {{ display: flex; justify-content: space-between; margin-top: 2px; }}
.live .key {{ display: flex; flex-wrap: wrap; gap: 4px 14px; margin-top: 6px; }}
.live .key i {{ display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }}
.live .label.quiet {{ font-weight: 400; }}

@media (max-width: 640px) {{
  #header .purpose {{ display: block; }}
  #sign-in img {{ display: none; }}
  .tab-container button {{ padding: 0 7px !important; font-size: 0.8125rem !important; }}
}}
"""
