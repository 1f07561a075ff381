"""Sharpness of an image, without a reference."""

from torch import Tensor

from photopulse.metrics.luma import check_image, luma


def sharpness(image: Tensor) -> Tensor:
    """Computes the variance of the Laplacian of luma (Pech-Pacheco et al. 2000, "LAPV"). Higher is sharper.

    The Laplacian is the sum of the four neighbours minus four times the pixel, wherever all four exist; luma is
    BT.601, 16 to 235, of the image clamped to [0, 1]. The value depends on the image's size and also grows with noise
    and with compression blocks, so compare images of one size, and read it beside a measure of fidelity.

    Args:
        image: (B, 3, H, W), nominally [0, 1], at least 3 x 3.

    Returns:
        Squared grey levels (B,), float32 (float64 for float64 images); 0 for a flat image.

    Raises:
        ValueError: if the image is not (B, 3, H, W) or smaller than 3 x 3.
    """
    check_image(image)
    if min(image.shape[2:]) < 3:
        raise ValueError(f"sharpness needs at least 3 x 3 pixels, got {tuple(image.shape[2:])}")
    grey = luma(image.clamp(0, 1))
    middle = grey[..., 1:-1, 1:-1]
    neighbours = grey[..., :-2, 1:-1] + grey[..., 2:, 1:-1] + grey[..., 1:-1, :-2] + grey[..., 1:-1, 2:]
    return (neighbours - 4 * middle).var(dim=(1, 2, 3), correction=0)
