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
        members=(Member(path="blood-cells-64.safetensors", sha256="0" * 64, size=1),),
    ),
    ShippedWeights(
        name="nuclei-64",
        what="Cell nuclei, 64x64, 0.8 M parameters",
        format="safetensors, float16",
        source="photopulse; trained on the 2018 Data Science Bowl, stage 1 (Broad Institute)",
        licence="CC0, as the pictures",
        terms=_TERMS,
        folder=_FOLDER,
        members=(Member(path="nuclei-64.safetensors", sha256="0" * 64, size=1),),
    ),
)
