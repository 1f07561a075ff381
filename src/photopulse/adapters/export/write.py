"""Writes networks as ONNX or OpenVINO files, and compares what these compute with PyTorch.

Needs the extra ``export``, for OpenVINO the extra ``openvino``.
"""

# Optional dependencies without which type checkers must do.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import logging
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import torch
from torch import Tensor

from photopulse.adapters.export.parts import Part, example
from photopulse.errors import PhotopulseError
from photopulse.extras import need_packages

Format = Literal["onnx", "openvino"]

OPSET: Final = 20
"""Version of the ONNX operators; runtimes since the end of 2023 have it."""

TOLERANCE: Final = 1e-4
"""Largest difference from PyTorch, relative to the largest value of the result."""

_LONGER: Final = 13  # The comparison is made at sizes other than the traced ones, odd ones.
_EXTRAS: Final[dict[Format, str]] = {"onnx": "export", "openvino": "openvino"}
_SUFFIXES: Final[dict[Format, tuple[str, ...]]] = {"onnx": (".onnx",), "openvino": (".xml", ".bin")}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One exported part.

    Attributes:
        part: its name.
        files: the written files.
        difference: largest difference from PyTorch on random inputs, relative to the largest value of the result.
    """

    part: str
    files: tuple[Path, ...]
    difference: float


def export_part(part: Part, folder: Path, form: Format, *, random: torch.Generator) -> Exported:
    """Writes a part as ``folder/NAME.onnx``, or ``NAME.xml`` and ``NAME.bin``, and compares it with PyTorch.

    The file is written only if it computes what PyTorch does. The free dimensions of the inputs stay free.

    Args:
        part: the network, on the CPU.
        folder: is made if need be.
        form: the file format.
        random: draws the inputs of the comparison, on the CPU.

    Raises:
        PhotopulseError: if a package of the extra is missing, a file exists already, or the results differ by more than
            ``TOLERANCE``.
    """
    # Refuse before the work.
    files = tuple(folder / f"{part.name}{suffix}" for suffix in _SUFFIXES[form])
    for file in files:
        if file.exists():
            raise PhotopulseError(f"cannot write {file}", why="it exists", fix="choose another folder, or remove it")
    require_packages(form)

    # Trace, convert and compare in a scratch folder, from which the files move at the end.
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".photopulse-", dir=folder) as name:
        traced = Path(name) / f"{part.name}.onnx"
        _write_onnx(part, example(part, random), traced)
        scratch = traced if form == "onnx" else _to_openvino(traced)
        difference = _difference(part, scratch, example(part, random, longer=_LONGER), form)
        if not difference <= TOLERANCE:
            raise PhotopulseError(
                f"cannot export {part.name}",
                why=f"the {form} file computes something else than PyTorch: it differs by {difference:.1e}",
                fix="use torch 2.13 or newer, or try other versions of onnx, onnxscript and onnxruntime",
            )
        for file in files:
            (Path(name) / file.name).replace(file)
    return Exported(part=part.name, files=files, difference=difference)


def _write_onnx(part: Part, inputs: tuple[Tensor, ...], path: Path) -> None:
    free = tuple(dict(one.free) for one in part.inputs)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            part.network,
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=[one.name for one in part.inputs],
            output_names=[part.output],
            dynamic_shapes=(free,) if _takes_any_number(part) else free,
            verbose=False,
        )
        cast(Any, program).save(path, external_data=False)


def _takes_any_number(part: Part) -> bool:
    """Tells whether the forward method is ``forward(*inputs)``, whose shapes are then one tuple in a tuple."""
    code = cast(Any, part.network.forward).__code__
    return bool(code.co_flags & 0x04)


def _to_openvino(traced: Path) -> Path:
    import openvino

    path = traced.with_suffix(".xml")
    openvino.save_model(openvino.convert_model(traced), path, compress_to_fp16=False)
    return path


def _difference(part: Part, path: Path, inputs: tuple[Tensor, ...], form: Format) -> float:
    with torch.no_grad():
        wanted = part.network(*inputs)
    arrays = [one.numpy() for one in inputs]
    if form == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found = session.run(None, dict(zip([one.name for one in part.inputs], arrays, strict=True)))[0]
    else:
        import openvino

        found = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(arrays)[0]
    result = torch.from_numpy(found)
    if result.shape != wanted.shape:
        return float("inf")
    return float((result - wanted).abs().max() / wanted.abs().max().clamp(min=1e-6))


def require_packages(form: Format) -> None:
    """Raises PhotopulseError unless the packages of the format are there."""
    needed = ("onnx", "onnxscript", "onnxruntime") if form == "onnx" else ("onnx", "onnxscript", "openvino")
    need_packages(f"cannot export as {form}", needed, extra=_EXTRAS[form])


@contextmanager
def _quiet() -> Generator[None]:
    """Hides what torch's exporter says of itself while it traces."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
