"""Words the outcome for the faces of a restored photo, for the terminal.

This module loads slowly, so it is imported only after a photo was restored.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from photopulse.restoration.why_not import WhyNot

# Faces beyond ``--max-faces`` are absent, because advice is printed for them instead.
_IN_SHORT = {
    WhyNot.SHARP: "sharp enough",
    WhyNot.TOO_SMALL: "too small",
    WhyNot.UNKNOWN: "unlike what the generator knows",
    WhyNot.NOT_CHOSEN: "not chosen",
}


def faces_told(faces: Sequence[Mapping[str, object]]) -> str:
    """Returns how many faces of a row were restored, why others were not, and how to restore those beyond the limit."""
    # Count the restored ones, then the reasons for the others.
    if not faces:
        return "no face found"
    restored = sum(bool(face.get("restored")) for face in faces)
    told = f"{restored} of {len(faces)} face{'s' if len(faces) > 1 else ''} restored"
    left = Counter(str(face.get("why_not")) for face in faces)
    reasons = ", ".join(f"{left[why]} {words}" for why, words in _IN_SHORT.items() if left[why])
    if reasons:
        told += f" ({reasons})"
    if left[WhyNot.TOO_MANY]:
        told += f", --max-faces {len(faces)} does all"
    return told
