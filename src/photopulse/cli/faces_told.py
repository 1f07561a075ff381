"""What the screen says of the faces of a restored photo.

To be imported only where there is one: what this imports loads slowly.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from photopulse.restoration.why_not import WhyNot

# Faces that were too many are not among them: for those there is advice instead.
_IN_SHORT = {
    WhyNot.SHARP: "sharp enough",
    WhyNot.TOO_SMALL: "too small",
    WhyNot.UNKNOWN: "unlike what the generator knows",
    WhyNot.NOT_CHOSEN: "not chosen",
}


def faces_told(faces: Sequence[Mapping[str, object]]) -> str:
    """Says how many faces of a row were restored, why others were left, and how to restore those that were too many."""
    if not faces:
        return "no face found"
    restored = sum(bool(face.get("restored")) for face in faces)
    told = f"{restored} of {len(faces)} face{'s' if len(faces) > 1 else ''} restored"
    left = Counter(face.get("why_not") for face in faces)
    reasons = ", ".join(f"{left[why]} {words}" for why, words in _IN_SHORT.items() if left[why])
    if reasons:
        told += f" ({reasons})"
    if left[WhyNot.TOO_MANY]:
        told += f", --max-faces {len(faces)} does all"
    return told
