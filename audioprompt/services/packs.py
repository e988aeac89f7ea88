"""Which packs of a store answer in Classify, and the lists of labels that come with them."""

from collections.abc import Sequence

from audioprompt.prompts.pack import PackError, PromptPack
from audioprompt.prompts.store import PromptStore

GENERAL_PACK = "eight-templates"  # suits any labels
BASELINE_PACK = "vanilla"  # the other column already, so not offered as an ensemble


def ensembles(store: PromptStore) -> list[PromptPack]:
    """List the packs whose approved templates can be an ensemble, the general one first."""
    usable = [pack for pack in store.packs() if pack.approved and pack.id != BASELINE_PACK]
    return sorted(usable, key=lambda pack: (pack.id != GENERAL_PACK, pack.title))


def suitable_pack(store: PromptStore, category: str | None) -> str:
    """Find the pack that suits a task category, the one of its name first; else the general one.

    Returns:
        The pack's id.

    Raises:
        PackError: no pack has an approved template.
    """
    offered = ensembles(store)
    if not offered:
        raise PackError("No pack has an approved prompt. Approve some first.")
    suitable = [pack.id for pack in offered if category and pack.category == category]
    by_name = [pack_id for pack_id in suitable if pack_id == str(category).replace("_", "-")]
    return next(iter(by_name + suitable), offered[0].id)


def label_presets(store: PromptStore) -> dict[str, tuple[PromptPack, Sequence[str]]]:
    """Collect the lists of labels of all ensembles, each with its pack, by the name it is chosen by."""
    return {name: (pack, labels) for pack in ensembles(store) for name, labels in sorted(pack.label_presets.items())}
