"""The generators of small domains that come with photopulse, as examples of what `photopulse train generator` makes."""

from pathlib import Path
from typing import Final

from photopulse.weights.entry import Member, ShippedWeights

_FOLDER: Final = Path(__file__).parent / "generators"
_TERMS: Final = "An example. What it draws is imagined: no measurement, no evidence, and never for a diagnosis."

SHIPPED: Final = (
    ShippedWeights(
        name="blood-cells-64",
        what="White blood cells, 64x64, 0.8 M parameters",
        format="safetensors, float16",
        source="photopulse; trained on BCCD (Shenggan)",
        licence="MIT, as the pictures",
        terms=_TERMS,
        folder=_FOLDER,
        members=(
            Member(
                path="blood-cells-64.safetensors",
                sha256="5df640b619b33036694249d3ef23e20fe7ef4bd6423fe654914e7e04314772f4",
                size=1604102,
            ),
        ),
    ),
    ShippedWeights(
        name="nuclei-64",
        what="Cell nuclei, 64x64, 0.8 M parameters",
        format="safetensors, float16",
        source="photopulse; trained on the 2018 Data Science Bowl, stage 1 (Broad Institute)",
        licence="CC0, as the pictures",
        terms=_TERMS,
        folder=_FOLDER,
        members=(
            Member(
                path="nuclei-64.safetensors",
                sha256="925aefb1df792e7cec193ec3c1b630c6e7876651b4eea26dea42cab53e47ffab",
                size=1604094,
            ),
        ),
    ),
)
