"""How the Learn tab looks."""

from audioprompt.ui import theme

CSS = f"""
#learn .none p {{ margin: 0 0 10px; color: var(--body-text-color-subdued); }}
#learn .cards {{ padding: 12px 14px; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: var(--block-background-fill); font-size: 0.8125rem; }}
#learn .cards .head {{ display: flex; gap: 10px; align-items: baseline; margin-bottom: 8px; }}
#learn .cards .head span {{ color: var(--body-text-color-subdued); flex: 1; }}
#learn .cards ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 6px; margin: 0;
  padding: 0; list-style: none; max-height: 214px; overflow-y: auto; }}
#learn .cards li {{ display: flex; align-items: stretch; border: 1px solid var(--border-color-primary);
  border-radius: 6px; overflow: hidden; margin: 0; min-width: 0; }}
#learn .cards li.chosen {{ border-color: var(--primary-600); }}
#learn .cards button {{ cursor: pointer; color: inherit; }}
#learn .cards li button {{ padding: 3px 5px; border: 0; background: none; color: var(--body-text-color-subdued); }}
#learn .cards li button:hover, #learn .cards li button:focus-visible {{ background: var(--primary-50); }}
.dark #learn .cards li button:hover, .dark #learn .cards li button:focus-visible {{ background: var(--primary-900); }}
#learn .cards li .name {{ flex: 1; min-width: 0; padding-left: 9px; text-align: left; font-weight: 550;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--body-text-color); }}
#learn .cards small {{ display: block; font-size: 0.75rem; font-weight: 400; overflow: hidden; text-overflow: ellipsis;
  color: var(--body-text-color-subdued); }}
#learn .cards small.missing {{ color: #D55E00; }}
#learn .cards [data-act="clear"],
#learn .cards [data-act="demonstrate"] {{ border: 1px solid var(--border-color-primary);
  border-radius: 6px; padding: 3px 10px; background: var(--button-secondary-background-fill); font-size: 0.8125rem; }}
#learn .player {{ display: flex; gap: 12px; align-items: center; font-size: 0.8125rem;
  color: var(--body-text-color-subdued); }}
#learn .player span {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }}
#learn .player audio {{ height: 32px; flex: 1 0 180px; max-width: 300px; }}
.dark #learn .player audio {{ color-scheme: dark; }}
#learn-note:not(:has(.problem)), #learn-player:not(:has(.player)), #learn-microphone [aria-label="Clear"] {{
  display: none; }}
#learn > .column:first-child, #learn > .column:first-child .tabitem > .column {{ gap: 10px; }}
#learn .switch {{ margin-top: 4px; }}
#learn .switch .tab-container {{ min-width: 280px; }}
#learn .switch .tabitem {{ padding: 0; }}
#learn .inline {{ gap: 10px; align-items: stretch; }}
#learn .inline button {{ height: 40px; white-space: nowrap; }}
#learn-methods .wrap {{ gap: 5px; }}
#learn-methods label {{ padding: 4px 8px; font-size: 0.8125rem; gap: 0; }}

#learn .start h3 {{ font-size: 1.125rem; margin: 0 0 6px; color: var(--body-text-color); }}
#learn .start p {{ max-width: 46ch; margin: 0 auto; }}
#learn .running .words {{ font-weight: 550; font-variant-numeric: tabular-nums; margin-bottom: 8px; }}
#learn .track {{ position: relative; height: 8px; border-radius: 3px; background: {theme.RULE}; }}
#learn .track i {{ display: block; height: 100%; border-radius: 3px; background: {theme.PALM}; }}
#learn .running > .track {{ height: 4px; }}
#learn .running > .track i {{ background: var(--primary-600); transition: width 0.15s linear; }}
#learn figure {{ margin: 0; min-width: 0; }}
#learn svg {{ display: block; width: 100%; overflow: visible; }}
#learn .curves {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px 28px;
  margin: 18px 0 10px; }}
#learn figcaption {{ display: flex; justify-content: space-between; gap: 12px; font-size: 0.8125rem; margin-bottom: 6px;
  color: var(--body-text-color-subdued); }}
#learn figcaption b {{ color: var(--body-text-color); font-variant-numeric: tabular-nums; }}
#learn .curves svg {{ height: 110px; }}
#learn .curves line, #learn .rule {{ stroke: {theme.RULE}; stroke-width: 1; vector-effect: non-scaling-stroke; }}
#learn polyline {{ fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }}
#learn .ends {{ display: flex; justify-content: space-between; margin-top: 3px; font-size: 0.75rem;
  color: var(--body-text-color-subdued); }}

#learn .result .label {{ font-size: 1.75rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.25; }}
#learn .result .label span {{ font-variant-numeric: tabular-nums; }}
#learn .result .notice {{ color: var(--body-text-color-subdued); font-size: 0.875rem; margin-top: 2px;
  overflow-wrap: anywhere; }}
#learn table {{ border-collapse: collapse; border: 0; margin: 0; font-size: 0.875rem; }}
#learn table thead, #learn table tbody, #learn table tr, #learn table td, #learn table th {{ border: 0; }}
#learn .methods {{ width: 100%; margin-top: 12px; }}
#learn .methods th, #learn .methods td {{ padding: 6px 0 6px 12px; text-align: left; font-weight: 400;
  white-space: nowrap; }}
#learn .methods th:first-child, #learn .methods td:first-child {{ padding-left: 0; }}
#learn .methods thead th {{ color: var(--body-text-color-subdued); font-weight: 500; }}
#learn .methods tbody th, #learn .methods tbody td {{ border-top: 1px solid var(--border-color-primary); }}
#learn .methods .number {{ text-align: right; font-variant-numeric: tabular-nums; }}
#learn .methods .interval {{ color: var(--body-text-color-subdued); }}
#learn .methods th i {{ display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 8px; }}
#learn .methods .bar {{ width: 45%; }}
#learn .methods .best th, #learn .methods .best td {{ font-weight: 650; }}
#learn .methods s {{ position: absolute; top: -2px; bottom: -2px; border: solid var(--body-text-color); opacity: 0.55;
  border-width: 0 1.5px; }}
#learn .methods s::after {{ content: ""; position: absolute; left: 0; right: 0; top: 50%; height: 1.5px;
  margin-top: -0.75px; background: var(--body-text-color); }}
#learn-answer:not(:has(.ready)) #learn-use {{ display: none; }}
#learn-use {{ align-items: end; gap: 10px; }}
#learn .details details {{ border-top: 1px solid var(--border-color-primary); }}
#learn .details summary {{ padding: 10px 0; cursor: pointer; font-weight: 550; }}
#learn .details details > div {{ padding-bottom: 16px; }}
#learn .details h4 {{ margin: 4px 0 0; font-size: 0.875rem; }}
#learn .note {{ margin: 0 0 10px; font-size: 0.875rem; color: var(--body-text-color-subdued); }}
#learn .note em {{ font-style: normal; color: var(--body-text-color); font-weight: 550; }}
#learn .reliance {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 6px 28px;
  list-style: none; margin: 0 0 20px; padding: 0; font-size: 0.8125rem; }}
#learn .reliance li {{ display: grid; grid-template-columns: 8.5em 1fr 3em; gap: 10px; align-items: center;
  margin: 0; }}
#learn .reliance span:first-child {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
#learn .number {{ text-align: right; font-variant-numeric: tabular-nums; }}
#learn .map line {{ stroke: var(--body-text-color-subdued); stroke-width: 1; opacity: 0.5; }}
#learn .map .from {{ fill: none; stroke: var(--body-text-color-subdued); stroke-width: 1.5; }}
#learn .map .to {{ fill: {theme.PALM}; }}
#learn .map text, #learn .shots text {{ font-size: 12.5px; fill: var(--body-text-color); }}
#learn .shots .tick {{ fill: var(--body-text-color-subdued); }}
#learn .shots g line {{ stroke-width: 1.5; opacity: 0.4; }}
#learn .shots .key {{ display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 0.8125rem; margin-top: 4px; }}
#learn .shots .key i {{ display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }}
#learn .wide {{ overflow-x: auto; }}
#learn .wide svg {{ min-width: 540px; }}
#learn .matrix {{ table-layout: fixed; font-size: 0.8125rem; }}
#learn .matrix td, #learn .matrix th {{ padding: 0; height: 26px; font-weight: 400;
  font-variant-numeric: tabular-nums; }}
#learn .matrix tbody td {{ width: 30px; min-width: 30px; text-align: center; border: 1px solid
  var(--body-background-fill); border-radius: 4px; }}
#learn .matrix tbody th {{ text-align: right; padding-right: 8px; white-space: nowrap; }}
#learn .matrix thead th {{ height: 116px; width: 30px; vertical-align: bottom; }}
#learn .matrix thead span {{ display: block; width: 30px; padding-bottom: 5px; transform: rotate(180deg);
  writing-mode: vertical-rl; white-space: nowrap; line-height: 30px; max-height: 116px; overflow: hidden; }}
@media (max-width: 640px) {{
  #learn .methods .bar, #learn .methods th:last-child, #learn .methods td:last-child {{ display: none; }}
}}
"""
