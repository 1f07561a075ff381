"""What each rater sees, in which order: balanced, random, and never the same face twice in a row."""

from collections import Counter
from collections.abc import Sequence
from math import ceil

from numpy.random import Generator

from photopulse.errors import PhotopulseError

_TRIES = 200


def balanced(items: int, ratings: int, trials: int | None, random: Generator) -> list[list[int]]:
    """Distributes items among raters so that each is seen by at least ``ratings`` of them, and by at most one more.

    Args:
        items: number of items.
        ratings: number of raters who see each item.
        trials: number of items that one rater sees, none twice; all if None.
        random: source of randomness.

    Returns:
        For each rater, the places of the items.
    """
    trials = min(trials or items, items)
    seen = [0] * items
    seats: list[list[int]] = []
    for _ in range(ceil(items * ratings / trials)):
        # Those that were seen least; which of equals, is random.
        drawn: list[int] = random.permutation(items).tolist()
        seat = sorted(drawn, key=seen.__getitem__)[:trials]
        for item in seat:
            seen[item] += 1
        seats.append(seat)
    return seats


def ordered(faces: Sequence[str], repeats: int, repeatable: Sequence[int], random: Generator) -> list[int]:
    """Orders trials at random, such that no face comes twice in a row; some of the first third come again in the last.

    Args:
        faces: face of each trial.
        repeats: number of trials that come twice; fewer where fewer repeatable ones come early.
        repeatable: places in ``faces`` of the trials that may come twice.
        random: source of randomness.

    Returns:
        Places in ``faces``.

    Raises:
        PhotopulseError: if there is no such order because there are too few faces.
    """
    for _ in range(_TRIES):
        order = _attempt(faces, repeats, set(repeatable), random)
        if order is not None:
            return order
    raise PhotopulseError(
        "cannot order the pictures",
        why=f"there are too few faces ({len(set(faces))}), so that one would be shown twice in a row",
        fix="give more faces, or choose --repeats 0 or fewer --trials",
    )


def _attempt(faces: Sequence[str], repeats: int, repeatable: set[int], random: Generator) -> list[int] | None:
    """Returns a random order, or None if it came to an end at which only the last face was left."""
    waiting, order = list(range(len(faces))), list[int]()
    early, late = len(faces) // 3, len(faces) - len(faces) // 3
    while waiting:
        # The repeats join the last third.
        if len(order) == late and repeats:
            again = [place for place in order[:early] if place in repeatable]
            waiting += random.permutation(again)[:repeats].tolist()
        # Any other face than the last; the most frequent one where it must come now.
        last = faces[order[-1]] if order else None
        most, count = Counter(faces[place] for place in waiting).most_common(1)[0]
        wanted = {most} if 2 * count > len(waiting) else set(faces) - {last}
        choices = [place for place in waiting if faces[place] in wanted and faces[place] != last]
        if not choices:
            return None
        order.append(choices[int(random.integers(len(choices)))])
        waiting.remove(order[-1])
    return order
