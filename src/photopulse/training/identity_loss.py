"""The identity loss: the distance of two faces in the embedding of a face recogniser."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.metrics.identity import CHIP_SIZE

# Top, left and side of the recogniser's crop of an upright face, as shares of the square of ``faces.region``, chosen
# so that eyes and nose lie as in the chips that dlib cuts (means of 20 portraits).
_TOP, _LEFT, _SIDE = 0.26, 0.155, 0.68


def identity_loss(recogniser: nn.Module, made: Tensor, sharp: Tensor) -> Tensor:
    """Computes 1 - the cosine similarity of the embeddings of made and of sharp faces, both made gray first.

    With colours, a network would lower this loss by tints that a person sees at once and takes for damage.

    Args:
        recogniser: an ``IdentityNetwork``.
        made: (B, 3, s, s), nominally in [0, 1], upright as ``faces.region`` crops them.
        sharp: the same shape; gets no gradient.

    Returns:
        (B,), float32, from 0 to 2.
    """
    with torch.no_grad():
        wanted = recogniser(_chips(sharp)).float()
    return 1 - F.cosine_similarity(recogniser(_chips(made.float().clamp(0, 1))).float(), wanted)


def _chips(faces: Tensor) -> Tensor:
    top, left, side = (round(share * faces.shape[3]) for share in (_TOP, _LEFT, _SIDE))
    window = faces[:, :, top : top + side, left : left + side]
    chips = F.interpolate(window, (CHIP_SIZE, CHIP_SIZE), mode="bilinear", antialias=True, align_corners=False)
    return chips.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
