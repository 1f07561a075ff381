"""Networks of photopulse as files of other runtimes: ONNX and OpenVINO."""
