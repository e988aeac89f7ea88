"""What goes wrong in words that are written for people.

Every error of this package whose message tells somebody what to do is an `AudiopromptError`; each kind stands beside
what raises it. Whatever else is raised is a defect.

| error | raised for |
|---|---|
| `audio.recording.AudioError` | a recording that cannot be used |
| `core.labels.LabelError` | labels that cannot be chosen between |
| `core.ensembles.EnsembleError` | templates that cannot be combined as asked |
| `models.base.ModelError` | a model that cannot be loaded or used |
| `prompts.template.TemplateError` | a template that cannot be filled |
| `prompts.pack.PackError` | a prompt pack that cannot be read, changed or written |
| `prompts.generators.GenerationError` | candidates that could not be made |
| `data.tables.DataError` | labelled clips that cannot be read |
| `few_shot.settings.FewShotError` | clips or a head that cannot be learned from or used |
| `services.folders.journal.JournalError` | work that cannot be gone on with |
| `services.folders.shards.EmbedError` | a folder of embeddings that cannot be read, written or gone on with |
| `services.folders.tables.TableError` | a table that cannot be written |
| `space.requirements.SpaceError` | a Space that cannot be built or pushed |
"""


class AudiopromptError(Exception):
    """Something that a person can put right; the message says what happened and what to do."""
