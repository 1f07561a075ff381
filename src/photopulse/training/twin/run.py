"""Fits a generator's twins and stores them in the cache; an interrupted fit is resumed."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.errors import PhotopulseError, file_errors
from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.runs.watcher import Watcher
from photopulse.search.prior import GaussianPrior
from photopulse.search.twin_cache import find_twin, load_twin, save_twin, twin_path
from photopulse.training.twin.samples import TwinSamples, render_samples
from photopulse.training.twin.train import TwinError, TwinFitSettings, measure_twin, train_twin
from photopulse.weights.cache import CACHE_FIX, cache_dir

_HELD_OUT = 64


@dataclass(frozen=True, kw_only=True)
class TwinFit:
    """Result of the fit of one twin.

    Attributes:
        size: resolution of the twin in px.
        path: file of the fitted twin.
        before: held-out error of the twin that the search used until now: shipped, untrained, or fitted otherwise.
        after: held-out error of the fitted twin.
        better: whether the fit lowered the mean error; only then is it stored.
    """

    size: int
    path: Path
    before: TwinError
    after: TwinError

    @property
    def better(self) -> bool:
        return self.after.mean < self.before.mean


def fit_twins(
    generator: Generator,
    prior: GaussianPrior,
    settings: TwinFitSettings,
    *,
    label: Tensor | None = None,
    watcher: Watcher | None = None,
) -> Iterator[TwinFit]:
    """Fits one twin after the other, stores it at ``twin_path`` and yields the result.

    A size that was fitted before with the same settings is yielded at once. Unfinished work is stored beside the twins
    until all are fitted.

    Args:
        generator: has a twin of each of ``settings.sizes``.
        prior: Gaussian of the generator's W.
        settings: settings of the fit.
        label: class label (c_dim,) for a conditional generator.
        watcher: hears of the pictures that are rendered and of the steps of each twin.

    Raises:
        PhotopulseError: if a size has no twin, the cache cannot be written, or training fails.
    """
    if not settings.sizes:
        return
    memory = keep_freed_memory() if generator.device.type == "cpu" else nullcontext()
    with memory, file_errors(f"cannot keep the twins of {generator.name} in {cache_dir()}", fix=CACHE_FIX):
        yield from _Fitter(generator, prior, settings, label, watcher or Watcher()).fits()


class _Fitter:
    """The samples, rendered when first needed, and the files of a fit."""

    def __init__(
        self,
        generator: Generator,
        prior: GaussianPrior,
        settings: TwinFitSettings,
        label: Tensor | None,
        watcher: Watcher,
    ) -> None:
        self._generator = generator
        self._prior = prior
        self._settings = settings
        self._label = label
        self._watcher = watcher
        self._samples: TwinSamples | None = None
        # All settings that the result depends on, except the sizes, which are fitted one by one.
        classes = None if label is None else cast(list[float], label.tolist())
        source: dict[str, object] = {"seed": settings.seed, "label": classes}
        self._recipe: dict[str, object] = asdict(settings) | source
        del self._recipe["sizes"]
        # Folders for unfinished work.
        first = twin_path(generator, settings.sizes[0])
        self._folder = first.with_name(f"{first.stem.rpartition('-')[0]}-unfinished")
        self._sample_folder = self._folder / f"samples-{_digest(source)}"

    def fits(self) -> Iterator[TwinFit]:
        for size in self._settings.sizes:
            self._new_twin(size)  # An hour's rendering must not end with a size that cannot be fitted.
        for size in self._settings.sizes:
            yield self._finished(size) or self._fit(size)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _finished(self, size: int) -> TwinFit | None:
        """Reads the result of an earlier run with the same settings; None if there is none."""
        path = twin_path(self._generator, size)
        with suppress(PhotopulseError, KeyError, TypeError):
            stored = cast(dict[str, Any], load_twin(self._new_twin(size), path))
            if stored["recipe"] == self._recipe:
                before, after = (TwinError(**stored[name]) for name in ("before", "after"))
                return TwinFit(size=size, path=path, before=before, after=after)
        return None

    def _fit(self, size: int) -> TwinFit:
        # Fit a new twin, and compare it with the current one on held-out samples.
        samples = self._rendered()
        held_out = samples.part(slice(_HELD_OUT))
        current = find_twin(self._generator, size)
        twin = self._new_twin(size)
        before = measure_twin(current.twin if current else twin, held_out)
        self._train(twin, samples.part(slice(_HELD_OUT, None)))
        fit = TwinFit(
            size=size, path=twin_path(self._generator, size), before=before, after=measure_twin(twin, held_out)
        )
        # Store the new twin only if it is better.
        if fit.better:
            errors = {"before": asdict(fit.before), "after": asdict(fit.after)}
            facts = {"recipe": self._recipe, "photopulse": version("photopulse")} | errors
            save_twin(twin, fit.path, told=facts)
        return fit

    def _train(self, twin: Twin, samples: TwinSamples) -> None:
        checkpoint = self._folder / f"{twin.size}-{_digest(self._recipe)}.pt"
        self._watcher.start(f"fitting the twin of {twin.size} px", self._settings.steps)
        mean: float | None = None
        for state in train_twin(twin, samples, self._settings, checkpoint=checkpoint):
            loss = state.losses["mse"]
            mean = loss if mean is None else mean + 0.05 * (loss - mean)
            self._watcher.step(state.step, figures={"mse": mean})

    def _rendered(self) -> TwinSamples:
        if self._samples is None:
            count = _HELD_OUT + self._settings.samples
            self._watcher.start("rendering pictures to learn from", count)
            self._samples = render_samples(
                self._generator,
                self._prior,
                sizes=self._settings.sizes,
                count=count,
                seed=self._settings.seed,
                folder=self._sample_folder,
                label=self._label,
                on_picture=self._watcher.step,
            )
        return self._samples

    def _new_twin(self, size: int) -> Twin:
        twin = self._generator.make_twin(size)
        if twin is None:
            raise PhotopulseError(
                f"cannot fit a twin of {size} px",
                why=f"{self._generator.name} has none of that size",
                fix="leave it out of --twins, or give `--twins none`",
            )
        return twin


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
