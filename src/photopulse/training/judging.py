"""An opponent for networks that restore: a judge of features that learns beside them, but must not win."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.training.compute import Compute
from photopulse.training.feature_judge import FeatureJudge, judge_loss, maker_loss
from photopulse.training.loop import Stateful, channels_last, check_finite
from photopulse.training.optimisation import take_step


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How the judge takes part.

    Attributes:
        weight: of the adversarial loss beside the L1 distance, which has 1.
        learning_rate: Adam's, of the judge.
        rests_below: the judge learns only while its loss is above this.
    """

    weight: float = 0.005
    learning_rate: float = 2e-4
    rests_below: float = 1.2


class Opponent:
    """A judge with its optimiser; make it under ``seeded_weights``."""

    def __init__(self, settings: Judging, compute: Compute) -> None:
        self._settings = settings
        self._compute = compute
        self._judge = channels_last(FeatureJudge().to(compute.device))
        self._optimizer = torch.optim.Adam(self._judge.heads.parameters(), lr=settings.learning_rate, betas=(0.5, 0.99))

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a checkpoint keeps."""
        return {"judge": self._judge, "judging": self._optimizer}

    def learn(self, of_sharp: Sequence[Tensor], of_made: Sequence[Tensor], step: int) -> float:
        """Lets the judge learn from feature maps of sharp and of made pictures, unless it rests; returns its loss."""
        with self._compute.autocast():
            doubt = judge_loss(self._judge(of_sharp), self._judge([stage.detach() for stage in of_made]))
        check_finite(doubt, step)
        if self._compute.mean(doubt.detach()).item() > self._settings.rests_below:
            take_step(self._optimizer, doubt, self._judge, self._compute)
        return doubt.item()

    def against(self, of_made: Sequence[Tensor]) -> Tensor:
        """Returns the adversarial loss of each made picture (B,), not weighted."""
        with self._compute.autocast():
            return maker_loss(self._judge(of_made))
