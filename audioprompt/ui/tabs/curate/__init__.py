"""The Curate tab: what each candidate is worth on real clips, and the decision on it.

What a page shows is in its `CurateView`; everything that lasts is in the store of packs. The table and all around it is
HTML made by `components/curate`; clicks and keys in it arrive here as the events that its script, `table.js`, triggers.
"""

from audioprompt.ui.tabs.curate.layout import build as build
from audioprompt.ui.tabs.curate.layout import build_outbox as build_outbox
