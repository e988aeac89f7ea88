"""What makes one pack another: the templates that each has alone, and decisions that differ."""

from dataclasses import dataclass

from audioprompt.prompts.pack import PromptPack, Status


@dataclass(frozen=True)
class Difference:
    """What makes one pack another, by the texts of their templates.

    Attributes:
        added: templates that only the new pack has, with their status.
        removed: templates that only the old pack has, with their status.
        changed: templates of both whose status differs, with the old and the new one.
    """

    added: tuple[tuple[str, Status], ...]
    removed: tuple[tuple[str, Status], ...]
    changed: tuple[tuple[str, Status, Status], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """One line for each template: ``-`` removed, ``+`` added, ``~`` changed."""
        lines = [
            *(f"- {text}  ({status})" for text, status in self.removed),
            *(f"+ {text}  ({status})" for text, status in self.added),
            *(f"~ {text}  ({old} -> {new})" for text, old, new in self.changed),
        ]
        return "\n".join(lines) or "the same templates with the same status"


def compare_templates(old: PromptPack, new: PromptPack) -> Difference:
    """Compare the templates of two packs and their status, each part in its pack's order."""
    before, after = ({entry.template.text: entry.status for entry in pack.entries} for pack in (old, new))
    return Difference(
        added=tuple((text, status) for text, status in after.items() if text not in before),
        removed=tuple((text, status) for text, status in before.items() if text not in after),
        changed=tuple(
            (text, before[text], status) for text, status in after.items() if before.get(text, status) != status
        ),
    )
