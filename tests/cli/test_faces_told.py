"""How many faces were restored, and why not the others, in one line."""

from collections.abc import Mapping, Sequence

import pytest

from photopulse.cli.faces_told import faces_told
from photopulse.restoration.why_not import WhyNot

Row = Sequence[Mapping[str, object]]


def faces(**left: int) -> Row:
    """Two faces that were restored, and so many that were left for each reason."""
    others = [{"restored": False, "why_not": str(WhyNot[why])} for why, count in left.items() for _ in range(count)]
    return [*[{"restored": True, "why_not": None}] * 2, *others]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([], "no face found"),
        ([{"restored": True}], "1 of 1 face restored"),
        (faces(), "2 of 2 faces restored"),
        (
            faces(UNKNOWN=1, SHARP=2),
            "2 of 5 faces restored (2 sharp enough, 1 unlike what the generator knows)",
        ),
        (faces(TOO_MANY=3), "2 of 5 faces restored, --max-faces 5 does all"),
        (faces(TOO_MANY=1, SHARP=1), "2 of 4 faces restored (1 sharp enough), --max-faces 4 does all"),
        (faces(NOT_CHOSEN=1, TOO_SMALL=2), "2 of 5 faces restored (2 too small, 1 not chosen)"),
    ],
)
def test_faces_are_counted_and_the_reasons_too(row: Row, told: str):
    assert faces_told(row) == told


def test_reasons_that_are_not_known_here_are_left_out():
    assert faces_told([{"restored": False, "why_not": "it rained"}, {"restored": True}]) == "1 of 2 faces restored"


@pytest.mark.parametrize("why", WhyNot)
def test_every_reason_has_words(why: WhyNot):
    assert len(faces_told(faces(**{why.name: 1}))) > len("2 of 3 faces restored")
