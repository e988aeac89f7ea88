"""How the Curate tab looks, on top of `theme`."""

from audioprompt.ui import theme

LESS = "#B34700"  # Okabe and Ito's vermillion, darkened so that its words read on white; for what is lost

CSS = f"""
#curate-outbox:not(:has(p)) {{ display: none; }}
#curate-outbox p {{ margin: 0; padding: 7px 12px; border: 1px solid {LESS}; border-radius: 8px; font-size: 0.875rem;
  display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; overflow-wrap: anywhere; }}
#curate-outbox p + p {{ margin-top: 6px; }}
#curate-outbox button {{ padding: 2px 10px; border: 1px solid var(--border-color-primary); border-radius: 6px; }}
#curate {{ gap: 12px; }}
:is(#curate-session, #curate-message):has(.html-container > div:empty) {{ display: none; }}
#curate-desk {{ gap: 12px; }}
#curate-desk:not(:has(tbody)) {{ display: none; }}
#curate .html-container, #curate-desk .block {{ overflow: visible; }}
#curate .number, #curate .figure b, #curate .figure small {{ font-variant-numeric: tabular-nums; }}
#curate .soft {{ color: var(--body-text-color-subdued); }}
#curate h3 {{ margin: 0 0 6px; font-size: 1rem; font-weight: 600; line-height: 1.35; color: var(--body-text-color); }}
#curate h4 {{ margin: 14px 0 4px; font-size: 0.8125rem; font-weight: 600; display: flex; gap: 8px;
  align-items: baseline; justify-content: space-between; color: var(--body-text-color); }}
#curate h4 span {{ font-weight: 400; color: var(--body-text-color-subdued); }}
#curate p {{ margin: 0; }}
#curate ul, #curate ol {{ list-style: none; margin: 0; padding: 0; }}
#curate :where(.html-container button) {{ font: inherit; color: inherit; cursor: pointer; border-radius: 6px;
  border: 1px solid var(--border-color-primary); background: var(--block-background-fill); padding: 4px 10px; }}
#curate :where(.html-container button):hover:not(:disabled) {{ border-color: var(--body-text-color-subdued); }}
#curate :where(.html-container button):disabled {{ opacity: 0.4; cursor: default; }}
#curate :where(.html-container button):focus-visible {{ outline: 2px solid var(--primary-500); outline-offset: 1px; }}
#curate :where(.html-container button).primary {{ background: var(--primary-600); border-color: var(--primary-600);
  color: white; }}
#curate svg {{ fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }}
#curate svg.solid {{ fill: currentColor; stroke: none; }}
#curate button svg {{ width: 14px; height: 14px; display: inline-block; vertical-align: -2px; }}
#curate i.vanilla, #curate b.vanilla {{ background: {theme.VANILLA}; }}
#curate i.approved, #curate b.approved {{ background: {theme.TSPE}; }}
#curate i.random {{ background: #8e8e96; }}
#curate .less {{ color: {LESS}; }}  .dark #curate .less {{ color: #ff8f4d; }}
#curate .even {{ color: var(--body-text-color-subdued); }}

#curate-setup {{ align-items: flex-start; gap: 12px; }}
#curate-setup > * {{ min-width: 0; }}
#curate-pack .wrap {{ min-height: 42px; align-content: center; }}
#curate-pack input {{ padding-right: 26px; }}
#curate-setup .exports {{ gap: 6px; }}

#curate .start h3 {{ font-size: 1.25rem; letter-spacing: -0.01em; }}
#curate .start p {{ max-width: 62ch; margin: 0 auto 18px; }}
#curate .start button {{ padding: 8px 18px; }}
#curate-message:not(:has(.html-container *)) {{ display: none; }}
#curate .progress {{ display: grid; grid-template-columns: auto 1fr auto; gap: 14px; align-items: center;
  font-variant-numeric: tabular-nums; padding: 4px 0; }}
#curate .progress .track {{ height: 6px; border-radius: 3px; background: {theme.RULE}; overflow: hidden; }}
#curate .progress .track i {{ display: block; height: 100%; background: var(--primary-600);
  transition: width 0.2s linear; }}

#curate .strip {{ display: flex; align-items: stretch; gap: 0; border: 1px solid var(--border-color-primary);
  border-radius: 8px; background: var(--block-background-fill); }}
#curate .figure {{ padding: 8px 18px 9px; border-right: 1px solid var(--border-color-primary); white-space: nowrap; }}
#curate .figure span {{ display: block; font-size: 0.8125rem; color: var(--body-text-color-subdued); }}
#curate .figure b {{ font-size: 1.375rem; font-weight: 600; letter-spacing: -0.02em; margin-right: 6px; }}
#curate .figure small {{ font-size: 0.8125rem; color: var(--body-text-color-subdued); }}
#curate .figure.vanilla {{ box-shadow: inset 0 3px {theme.VANILLA}; border-radius: 7px 0 0 0; }}
#curate .figure.approved {{ box-shadow: inset 0 3px {theme.TSPE}; }}
#curate .figure.approved b {{ font-size: 1.625rem; font-weight: 700; line-height: 1.1; }}
#curate .words {{ padding: 8px 18px; align-self: center; font-size: 0.875rem; line-height: 1.55; }}

#curate-tools {{ align-items: center; gap: 8px; margin-bottom: -4px; }}
#curate-tools > * {{ min-width: 0 !important; }}
#curate-filters {{ flex: 1 0 auto; width: auto; }}
#curate-search {{ flex: 0 1 150px; }}  #curate-label {{ flex: 0 1 170px; }}
#curate-search textarea, #curate-search input {{ padding: 5px 10px; min-height: 32px; font-size: 0.875rem; }}
#curate-label .wrap, #curate-label .wrap-inner {{ padding-top: 0; padding-bottom: 0; min-height: 30px; }}
#curate-label input {{ font-size: 0.875rem; padding: 0; }}
#curate .filters {{ display: flex; flex-wrap: wrap; gap: 4px; }}
#curate .filters button {{ border-radius: 999px; padding: 3px 11px; font-size: 0.875rem; border-color: transparent;
  background: transparent; }}
#curate .filters button span {{ margin-left: 5px; color: var(--body-text-color-subdued);
  font-variant-numeric: tabular-nums; }}
#curate .filters button[aria-pressed=true] {{ background: var(--block-background-fill);
  border-color: var(--border-color-primary); font-weight: 600; }}

#curate-table {{ border: 1px solid var(--border-color-primary) !important; border-radius: 8px;
  background: var(--block-background-fill); max-height: max(440px, calc(100vh - 318px)); overflow: auto !important;
  scroll-padding: 36px 0 40px; overscroll-behavior: auto; }}
#curate-table table {{ width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 0; margin: 0;
  font-size: 0.875rem; }}
#curate-table thead th {{ position: sticky; top: 0; z-index: 2; background: var(--block-background-fill);
  border-bottom: 1px solid var(--border-color-primary); padding: 0 8px; height: 34px; text-align: left;
  font-weight: 500; color: var(--body-text-color-subdued); white-space: nowrap; }}
#curate-table th.number {{ text-align: right; }}
#curate-table thead button {{ border: 0; background: none; padding: 4px 0; font-weight: 500; }}
#curate-table thead [aria-sort=descending] button::after {{ content: " ↓"; }}
#curate-table thead [aria-sort=ascending] button::after {{ content: " ↑"; }}
#curate-table thead [aria-sort=descending] button,
#curate-table thead [aria-sort=ascending] button {{ color: var(--body-text-color); }}
#curate-table td {{ padding: 0 8px; height: 34px; border-bottom: 1px solid {theme.RULE}; }}
#curate-table tbody tr {{ cursor: default; }}
#curate-table tbody tr:hover td {{ background: color-mix(in srgb, var(--body-text-color) 3%, transparent); }}
#curate-table tr[aria-selected=true] td {{ background: color-mix(in srgb, var(--primary-500) 9%, transparent); }}
#curate-table tr[aria-selected=true] td:first-child {{ box-shadow: inset 3px 0 var(--primary-600); }}
#curate-table tr[data-status=rejected] td:not(:first-child) :is(span, b, i):not(.bar, .bar *) {{
  color: var(--body-text-color-subdued); }}
#curate-table tr[data-status=rejected] .bar {{ opacity: 0.5; }}
#curate-table th:first-child {{ width: 76px; }}
#curate-table th.alone {{ width: 148px; }}
#curate-table th.number {{ width: 98px; }}
#curate-table th.lead {{ width: 78px; }}
#curate-table th.flags {{ width: 92px; }}
#curate-table .prompt {{ line-height: 1.3; padding: 5px 8px; overflow-wrap: anywhere; }}
#curate .slot {{ color: var(--primary-600); }}  .dark #curate .slot {{ color: var(--primary-400); }}
#curate-table td.number {{ text-align: right; }}
#curate-table .none td {{ text-align: center; padding: 40px; color: var(--body-text-color-subdued); }}
#curate-table .alone .number {{ display: inline-block; width: 2.6em; text-align: right; }}
#curate-table td.alone {{ white-space: nowrap; }}
#curate .bar {{ position: relative; display: inline-block; width: 76px; height: 12px; vertical-align: -1px;
  background: {theme.RULE}; border-radius: 2px; }}
#curate .bar i {{ position: absolute; inset: 0 auto 0 0; background: #9a9aa3; border-radius: 2px; }}
#curate tr[data-status=approved] .bar i {{ background: {theme.TSPE}; }}
#curate .bar b {{ position: absolute; top: 5.5px; height: 1px; background: var(--body-text-color); }}
#curate .bar u {{ position: absolute; top: -3px; bottom: -3px; width: 2px; margin-left: -1px;
  background: {theme.VANILLA}; }}
#curate .doubt {{ display: inline-block; font-size: 0.75rem; line-height: 1; padding: 3px 7px; border-radius: 999px;
  background: color-mix(in srgb, {LESS} 13%, transparent); color: color-mix(in srgb, {LESS} 80%, black);
  margin: 1px 3px 1px 0; white-space: nowrap; }}
.dark #curate .doubt {{ color: #ffa870; }}
#curate .doubt.mild {{ background: {theme.RULE}; color: var(--body-text-color-subdued); }}
#curate .proposed {{ font-style: normal; font-size: 0.75rem; margin-left: 8px; padding: 2px 7px; border-radius: 999px;
  white-space: nowrap; border: 1px dashed var(--primary-500); color: var(--primary-600); }}
.dark #curate .proposed {{ color: var(--primary-400); }}

#curate .unsaved {{ font-style: normal; font-size: 0.75rem; margin-left: 8px; padding: 2px 7px; border-radius: 999px;
  white-space: nowrap; border: 1px dashed {LESS}; color: color-mix(in srgb, {LESS} 80%, black); }}
.dark #curate .unsaved {{ color: #ffa870; }}

#curate .write {{ margin-left: auto; }}
#curate .edit {{ display: flex; gap: 6px; margin: -4px 0 8px; }}
#curate .edit button {{ font-size: 0.8125rem; padding: 1px 9px; }}
#curate-composer {{ padding: 10px 12px; gap: 8px; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: var(--block-background-fill); }}
#curate-composer:not(:has([data-composing])) {{ display: none; }}
#curate-preview ul.flags li {{ font-size: 0.875rem; }}
#curate .asked {{ display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; overflow-wrap: anywhere; }}
#curate table.versus {{ border-collapse: collapse; margin: 4px 0 8px; font-size: 0.875rem; }}
#curate table.versus :is(th, td) {{ padding: 3px 18px 3px 0; border: 0; text-align: left; font-weight: 400; }}
#curate table.versus th {{ color: var(--body-text-color-subdued); }}
#curate table.versus .number {{ text-align: right; }}
#curate-versus details {{ margin-top: 6px; font-size: 0.875rem; }}
#curate-versus summary {{ cursor: pointer; }}
#curate-versus li {{ padding-left: 16px; overflow-wrap: anywhere; }}

#curate .verdict-buttons {{ display: inline-flex; gap: 2px; vertical-align: middle; }}
#curate .verdict-buttons button {{ border: 0; padding: 0; width: 26px; height: 26px; display: grid; place-items: center;
  background: transparent; color: var(--body-text-color-subdued); opacity: 0.45; }}
#curate tr:hover .verdict-buttons button, #curate tr[aria-selected=true] .verdict-buttons button {{ opacity: 0.9; }}
#curate .verdict-buttons button:hover {{ background: {theme.RULE}; }}
#curate tr[data-status=approved] .verdict-buttons .approved {{ opacity: 1; background: {theme.TSPE}; color: #1c1300; }}
#curate tr[data-status=rejected] .verdict-buttons .rejected {{ opacity: 1; background: #77777f; color: white; }}
#curate tr[data-status=approved] .rejected, #curate tr[data-status=rejected] .approved {{ opacity: 0.25; }}

#curate .bulk {{ position: sticky; bottom: 0; z-index: 2; display: flex; gap: 6px; align-items: center; flex-wrap: wrap;
  padding: 6px 10px; font-size: 0.8125rem; color: var(--body-text-color-subdued);
  background: var(--block-background-fill); border-top: 1px solid var(--border-color-primary); }}
#curate .bulk button {{ padding: 1px 9px; }}

#curate .actions {{ display: flex; flex-wrap: wrap; gap: 6px; font-size: 0.875rem; }}
#curate .actions button {{ padding: 4px 10px; }}
#curate .actions svg {{ margin-right: 5px; }}
#curate .actions .propose {{ margin-left: auto; }}
#curate .note {{ margin-top: 6px; font-size: 0.875rem; color: {LESS}; }}
.dark #curate .note {{ color: #ff8f4d; }}
#curate .proposal {{ margin-top: 8px; padding: 10px 14px; border: 1px dashed var(--primary-500); border-radius: 8px;
  font-size: 0.875rem; }}
#curate .buttons {{ display: flex; gap: 6px; margin-top: 8px; }}

#curate .side {{ border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 12px 16px 14px;
  background: var(--block-background-fill); font-size: 0.875rem; overflow-wrap: anywhere; overflow-y: auto;
  max-height: max(440px, calc(100vh - 318px)); box-sizing: border-box; }}
#curate .side > p {{ margin: 4px 0; }}
#curate .side > .soft {{ font-size: 0.8125rem; margin-top: -2px; }}
#curate .judge {{ display: grid; grid-template-columns: 1fr 1fr; gap: 8px; margin: 10px 0; }}
#curate .judge button {{ padding: 6px; }}
#curate .judge svg {{ margin-right: 6px; }}
#curate .judge .approved[aria-pressed=true] {{ background: {theme.TSPE}; border-color: {theme.TSPE}; color: #1c1300; }}
#curate .judge .rejected[aria-pressed=true] {{ background: #77777f; border-color: #77777f; color: white; }}
#curate .side ul.flags li {{ margin: 3px 0; padding-left: 10px; border-left: 3px solid {LESS}; }}
#curate .clips {{ display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }}
#curate .clips button {{ font-size: 0.8125rem; padding: 2px 9px 2px 7px; border-radius: 999px; }}
#curate .clips svg {{ width: 10px; height: 10px; vertical-align: -1px; margin-right: 5px; }}
#curate .clips small {{ margin-left: 5px; color: var(--body-text-color-subdued); }}
#curate h4 i {{ display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin: 0 4px 0 8px; }}
#curate .recalls li {{ display: grid; grid-template-columns: minmax(0, 7.5em) 1fr 5.6em; gap: 8px; align-items: center;
  font-size: 0.8125rem; height: 22px; }}
#curate .recalls .name {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
#curate .recalls .number {{ text-align: right; white-space: nowrap; }}
#curate .recalls .same .number {{ color: var(--body-text-color-subdued); }}
#curate .recalls .track {{ position: relative; height: 2px; margin: 0 4px; background: {theme.RULE}; }}
#curate .recalls i {{ position: absolute; top: -1px; height: 4px; background: {theme.TSPE}; opacity: 0.45; }}
#curate .recalls .down i {{ background: {LESS}; }}
#curate .recalls b {{ position: absolute; top: -3px; width: 8px; height: 8px; border-radius: 50%; margin-left: -4px; }}
#curate-player .settings-wrapper, #curate-player .rewind, #curate-player .skip {{ display: none; }}
#curate-player time, #curate-player .controls {{ color: var(--body-text-color-subdued); }}
#curate-desk:has(#curate-player) .side {{ max-height: max(330px, calc(100vh - 470px)); }}
#curate .side > .keys {{ position: sticky; bottom: -14px; margin: 14px 0 -14px; padding: 8px 0 12px; font-size: 0.75rem;
  color: var(--body-text-color-subdued); background: var(--block-background-fill); }}
#curate kbd {{ font: inherit; border: 1px solid var(--border-color-primary); border-radius: 4px; padding: 0 4px;
  margin-left: 5px; }}

#curate .foot {{ display: grid; grid-template-columns: 1.7fr 1fr 1.2fr; gap: 12px; }}
#curate .foot section {{ border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 12px 16px 14px;
  background: var(--block-background-fill); min-width: 0; font-size: 0.875rem; }}
#curate .plot {{ position: relative; height: 190px; margin: 10px 10px 26px 32px; }}
#curate .plot svg {{ position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }}
#curate .plot path {{ vector-effect: non-scaling-stroke; stroke-width: 1.5; }}
#curate .plot .rule {{ stroke: {theme.RULE}; stroke-width: 1; }}
#curate .plot .band {{ fill: #8e8e96; fill-opacity: 0.16; stroke: none; }}
#curate .plot .random {{ stroke: #8e8e96; }}
#curate .plot .vanilla {{ stroke: {theme.VANILLA}; stroke-dasharray: 5 4; }}
#curate .plot .approved {{ stroke: {theme.TSPE}; stroke-width: 2.5; }}
#curate .plot > i {{ position: absolute; width: 7px; height: 7px; margin: -3.5px; border-radius: 50%;
  background: {theme.TSPE}; }}
#curate .tick, #curate .mark {{ position: absolute; font-size: 0.75rem; color: var(--body-text-color-subdued);
  font-variant-numeric: tabular-nums; line-height: 1; }}
#curate .tick {{ right: calc(100% + 8px); transform: translateY(-50%); }}
#curate .mark {{ top: calc(100% + 8px); transform: translateX(-50%); }}
#curate .key {{ display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.75rem;
  color: var(--body-text-color-subdued); }}
#curate .key i {{ display: inline-block; width: 14px; height: 3px; vertical-align: middle; margin-right: 6px; }}
#curate table.held-out {{ width: 100%; margin: 8px 0; border-collapse: collapse; }}
#curate table.held-out td {{ padding: 2px 0; border: 0; }}
#curate table.held-out .number {{ text-align: right; }}
#curate table.held-out tr:last-child td {{ font-weight: 600; }}
#curate .foot section > button {{ margin-top: 10px; }}
#curate .history {{ max-height: 236px; overflow-y: auto; }}
#curate .history li {{ display: grid; grid-template-columns: auto 1fr auto; gap: 10px; padding: 2px 0;
  align-items: baseline; font-size: 0.8125rem; overflow-wrap: anywhere; }}
#curate .history time {{ color: var(--body-text-color-subdued); font-variant-numeric: tabular-nums; }}
#curate .history button {{ padding: 0 8px; }}

@media (max-width: 1000px) {{
  #curate .strip {{ flex-wrap: wrap; }}
  #curate .foot {{ grid-template-columns: 1fr; }}
}}
@media (max-width: 640px) {{
  #curate .strip {{ display: grid; grid-template-columns: 1fr 1fr; }}
  #curate .figure {{ border-bottom: 1px solid var(--border-color-primary); padding: 6px 14px 7px; }}
  #curate .words {{ grid-column: 1 / -1; padding: 8px 14px; }}
  #curate-filters, #curate-search, #curate-label {{ flex: 1 1 100%; }}
  #curate-search, #curate-label {{ flex: 1 1 40%; }}
  #curate-table, #curate .side {{ max-height: 70vh; }}
  #curate-table table, #curate-table thead, #curate-table tbody {{ display: block; }}
  #curate-table thead {{ position: sticky; top: 0; z-index: 2; background: var(--block-background-fill);
    border-bottom: 1px solid var(--border-color-primary); }}
  #curate-table thead tr {{ display: flex; gap: 18px; padding: 0 12px; }}
  #curate-table thead th {{ position: static; padding: 4px 0; border: 0; height: auto; width: auto; }}
  #curate-table thead th:first-child, #curate-table thead th.lead {{ display: none; }}
  #curate-table tbody tr {{ display: grid; grid-template-columns: auto auto 1fr 1fr; gap: 2px 12px; padding: 8px 12px;
    border-bottom: 1px solid {theme.RULE}; align-items: center; }}
  #curate-table tbody td {{ display: block; border: 0; height: auto; padding: 0; }}
  #curate-table tbody .none td {{ grid-column: 1 / -1; }}
  #curate-table td.prompt {{ grid-column: 1 / -1; grid-row: 1; padding: 0; }}
  #curate-table td.flags {{ grid-column: 1 / -1; }}
  #curate-table td.flags:empty {{ display: none; }}
  #curate-table td.lead::before {{ content: "vs vanilla "; }}
  #curate-table td.gain::before {{ content: "in ens. "; }}
  #curate-table td.lead::before, #curate-table td.gain::before {{ color: var(--body-text-color-subdued);
    font-size: 0.6875rem; display: block; line-height: 1.1; }}
  #curate-table tr[aria-selected=true] {{ background: color-mix(in srgb, var(--primary-500) 9%, transparent);
    box-shadow: inset 3px 0 var(--primary-600); }}
  #curate-table tr[aria-selected=true] td, #curate-table tbody tr:hover td {{ background: none; }}
  #curate-table tr[aria-selected=true] td:first-child {{ box-shadow: none; }}
  #curate .bar {{ width: 64px; }}
  #curate .verdict-buttons button {{ width: 34px; height: 34px; opacity: 0.9; }}
  #curate .keys {{ display: none; }}
}}
"""
