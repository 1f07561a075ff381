"""Networks that threads share: each gets the outputs of its own input."""

import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from photopulse.errors import PhotopulseError
from photopulse.faces.locked_net import LockedNet


class _Echo:
    """Answers with its input, a moment later and from memory that it uses again, as OpenCV does."""

    def __init__(self) -> None:
        self.blob = np.zeros((1, 3, 2, 2), np.float32)

    def getUnconnectedOutLayersNames(self) -> list[str]:  # noqa: N802
        return ["out"]

    def setInput(self, blob: np.ndarray) -> None:  # noqa: N802
        self.blob[:] = blob

    def forward(self, _: list[str]) -> list[np.ndarray]:
        time.sleep(0.001)
        return [self.blob]


def test_threads_get_the_outputs_of_their_own_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "net.tflite").write_bytes(b"x")
    monkeypatch.setattr(cv2.dnn, "readNetFromTFLite", lambda _: _Echo())
    net = LockedNet(tmp_path / "net.tflite")
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            (answer,) = net(np.full((2, 2, 3), number, np.float32))
            time.sleep(0)
            if (answer != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_no_network_is_named_in_one_line(tmp_path: Path):
    (tmp_path / "net.tflite").write_bytes(b"nonsense")
    with pytest.raises(PhotopulseError, match=r"cannot read the network .*net\.tflite") as caught:
        LockedNet(tmp_path / "net.tflite")
    assert "\n" not in str(caught.value)


def test_a_network_that_is_missing_or_a_pipe_is_named(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.tflite")
    for name, why in (("none.tflite", "No such file"), ("pipe.tflite", "not a file")):
        with pytest.raises(PhotopulseError, match=why):
            LockedNet(tmp_path / name)
