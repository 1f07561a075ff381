"""Feature sets, the input of the distances between sets of pictures: one feature vector per picture."""

from torch import Tensor


def check_feature_sets(a: Tensor, b: Tensor, *, least: int) -> tuple[Tensor, Tensor]:
    """Checks two feature sets (N, D) and (M, D) and returns them in float64 on the CPU, detached.

    Raises:
        ValueError: if the shapes do not fit, a set has fewer than ``least`` vectors, or a value is not finite.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or a.shape[1] == 0:
        raise ValueError(f"features must be (N, D) and (M, D), got {tuple(a.shape)} and {tuple(b.shape)}")
    if min(len(a), len(b)) < least:
        raise ValueError(f"each set needs at least {least} vectors, got {len(a)} and {len(b)}")
    pair = a.detach().cpu().double(), b.detach().cpu().double()
    if not all(bool(values.isfinite().all()) for values in pair):
        raise ValueError("the features hold values that are not finite numbers")
    return pair
