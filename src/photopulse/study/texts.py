"""What raters read before they begin, unless the study brings its own texts."""

from collections.abc import Mapping

from photopulse.study.settings import Kind

_HOW = "Your first impression counts. Look at the pictures at their size, without enlarging the page."

INSTRUCTIONS: Mapping[Kind, str] = {
    "mos": "You will see pictures of faces, one at a time. Rate how good each picture looks to you as a photo of a "
    f"face, from 1 (bad) to 5 (excellent). There is no right answer. {_HOW}",
    "pairs": "You will see two pictures of a face at a time. Choose the one that looks better to you as a photo of a "
    f"face. If you cannot decide, guess. {_HOW}",
    "real": "You will see two pictures of a face at a time. One of them is a photo that a camera took, the other was "
    f"made by a program. Choose the photo. If you cannot decide, guess. {_HOW}",
}

EXAMPLES = " First come some examples of a 1 and of a 5."
"""What follows the instructions if there is training."""

CONSENT = (
    "Taking part is voluntary. You can pause or stop at any time, without giving a reason; answers that you gave until "
    "then are kept. For each answer, it is recorded which picture you saw, what you chose, how many seconds it took, "
    "and the size and zoom of your screen. Your name, your address and the address of your machine are not recorded. "
    "The answers may be published."
)
