"""The few-shot methods there are: PALM and its kin, and what they are measured against.

To add a method here, write its `Head` in a file beside these and give it an entry. To add one from a package of your
own, make a `Method` and name it in that package's ``pyproject.toml`` as an entry point of the group
``audioprompt.methods``.
"""

from audioprompt.few_shot.methods.base import Method as Method
from audioprompt.few_shot.settings import FewShotError
from audioprompt.util.registry import Registry

HERE = __name__
TOGETHER = "together"  # the method that learns from recordings without labels
PALETTE = ("#6A3D9A", "#B15928", "#1B9E77", "#E7298A", "#666666")  # of methods without a colour of their own

METHODS = Registry(
    "few-shot method",
    "audioprompt.methods",
    Method,
    (
        Method(
            name="auto",
            title="Auto",
            description="What suits the clips: words as clips with few, else what leaving clips out favours; seconds.",
            head=f"{HERE}.auto:Auto",
            colour="#117733",
            at_hand=True,
        ),
        Method(
            name="words-as-clips",
            title="Words as clips",
            description="The mean of a class's clips and of its words, which count as four clips; at once.",
            head=f"{HERE}.words_as_clips:WordsAsClips",
            colour="#332288",
            at_hand=True,
        ),
        Method(
            name="palm",
            title="PALM",
            description="A learned context and gate for each class, in the space of the embeddings; seconds.",
            head=f"{HERE}.palm:Palm",
            colour="#009E73",
            at_hand=True,
        ),
        Method(
            name="palm-dagger",
            title="PALM†",
            description="PALM without its context, which is what makes it learn.",
            head=f"{HERE}.palm:PalmDagger",
            colour="#8FBFAE",
        ),
        Method(
            name="coop",
            title="CoOp",
            description="A learned context in front of every class name, through the text tower; minutes.",
            head=f"{HERE}.coop:Coop",
            colour="#CC79A7",
        ),
        Method(
            name="cocoop",
            title="CoCoOp",
            description="CoOp with a context that suits each clip; many minutes.",
            head=f"{HERE}.cocoop:Cocoop",
            colour="#D55E00",
        ),
        Method(
            name="apl",
            title="Audio Prompt Learner",
            description="CoOp with tokens beside its context for how each clip sounds; many minutes.",
            head=f"{HERE}.apl:AudioPromptLearner",
            colour="#DDAA33",
        ),
        Method(
            name="linear-probe",
            title="Linear probe",
            description="Logistic regression on the clips alone; reads no text.",
            head=f"{HERE}.linear_probe:LinearProbe",
            colour="#56B4E9",
            at_hand=True,
        ),
        Method(
            name="tip-adapter",
            title="Tip-Adapter",
            description="One plain prompt, and the clips vote for their classes; learns nothing by steps.",
            head=f"{HERE}.tip_adapter:TipAdapter",
            colour="#B3A800",
        ),
        Method(
            name="words-probe",
            title="Words probe",
            description="Logistic regression held to words as clips; at once.",
            head=f"{HERE}.words_probe:WordsProbe",
            colour="#882255",
        ),
        Method(
            name="gda",
            title="GDA",
            description="Gaussian discriminant analysis beside the words; at once.",
            head=f"{HERE}.gda:Gda",
            colour="#88CCEE",
        ),
        Method(
            name="clap-probe",
            title="Class-adaptive probe",
            description="Logistic regression held to the words, each class as far as they suit it; at once.",
            head=f"{HERE}.clap_probe:ClapProbe",
            colour="#AA4499",
        ),
        Method(
            name="kernel-ridge",
            title="Kernel ridge",
            description="Regression on what the words get wrong, near the clips (ProKeR); at once.",
            head=f"{HERE}.kernel_ridge:KernelRidge",
            colour="#999933",
        ),
        Method(
            name="treff-adapter",
            title="Treff-Adapter",
            description="One plain prompt, and attention to the clips that is learned in a few steps; seconds.",
            head=f"{HERE}.treff_adapter:TreffAdapter",
            colour="#661100",
        ),
        Method(
            name=TOGETHER,
            title="All clips first",
            description="Words, clips and recordings without labels name each other, with a guard; seconds.",
            head=f"{HERE}.together:Together",
            colour="#44AA99",
        ),
        Method(
            name="zero-shot",
            title="Zero-shot",
            description="One plain prompt for all classes; learns nothing.",
            head=f"{HERE}.zero_shot:ZeroShot",
            colour="#0072B2",
            learns=False,
            at_hand=True,
        ),
        Method(
            name="tspe",
            title="TSPE",
            description="An ensemble of prompts; learns nothing.",
            head=f"{HERE}.tspe:Tspe",
            colour="#E69F00",
            learns=False,
            needs_templates=True,
            at_hand=True,
        ),
    ),
    FewShotError,
)  # colours of Okabe and Ito, the yellow darkened so that it shows on white, and a pale green for PALM without context


def title_of(name: str) -> str:
    """Return what pages call a method; its name where it is not known here."""
    return METHODS[name].title if name in METHODS else name


def colour_of(name: str) -> str:
    """In which colour a method is drawn."""
    without = [method.name for method in METHODS if not method.colour]
    return METHODS[name].colour or PALETTE[without.index(name) % len(PALETTE)]
