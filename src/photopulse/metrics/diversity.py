"""Diversity: how different several results for one input are."""

from torch import Tensor

from photopulse.metrics.luma import check_image


def diversity(images: Tensor) -> float:
    """Computes the pixel diversity: the standard deviation over the results, averaged over pixels and channels.

    It is the diversity sigma of SRFlow (Lugmayr et al., ECCV 2020), not the LPIPS-based score of the NTIRE challenges
    on the super-resolution space (Lugmayr et al. 2021). Higher is more varied; it does not tell how good or how
    faithful the results are. The results are the whole population, so the variance divides by N, not N - 1.

    Args:
        images: (N, 3, H, W), nominally [0, 1], the results for one input; clamped first, as saved files are.

    Returns:
        The mean in grey levels, 0 (all equal, or N = 1) to 127.5 (half of the answers black, half white).

    Raises:
        ValueError: if the images are not (N, 3, H, W).
    """
    check_image(images)
    # One channel at a time, so that eight faces of 1024 px need 32 MB of additional memory instead of 200.
    spreads = [plane.float().clamp(0, 1).std(dim=0, correction=0).mean() for plane in images.unbind(dim=1)]
    return 255 * sum(spread.item() for spread in spreads) / len(spreads)
