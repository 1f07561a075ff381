"""Networks in tflite format that threads may share."""

import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import read_regular

_MOST_BYTES = 256 * 2**20


class LockedNet:
    """A network in tflite format, run by OpenCV on the CPU, one thread at a time.

    OpenCV's networks keep their input and their layers' outputs, so two threads would mix their pictures.

    Args:
        model_file: the network.

    Raises:
        PhotopulseError: if the file cannot be read.
    """

    def __init__(self, model_file: Path) -> None:
        self._net = _read_tflite(model_file)
        self._outputs = self._net.getUnconnectedOutLayersNames()
        self._lock = threading.Lock()

    def __call__(self, blob: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Runs the network on one input (H, W, 3), and returns its outputs."""
        with self._lock:
            self._net.setInput(np.ascontiguousarray(blob.transpose(2, 0, 1)[None]))
            # The outputs may lie in memory that the next run overwrites.
            return [np.array(output, np.float32) for output in self._net.forward(self._outputs)]


def _read_tflite(model_file: Path) -> cv2.dnn.Net:
    fix = "delete the file, so that it is fetched again, and use opencv-python-headless 4.13 or newer 4.x"
    try:
        return cv2.dnn.readNetFromTFLite(np.frombuffer(read_regular(model_file, most=_MOST_BYTES), np.uint8))
    except OSError as error:
        raise PhotopulseError(f"cannot read the network {model_file}", why=system_reason(error), fix=fix) from error
    except cv2.error as error:
        why = f"OpenCV {cv2.__version__} cannot read it ({error.err or error.code})"
        raise PhotopulseError(f"cannot read the network {model_file}", why=why, fix=fix) from error
