"""Assembles the model file that MediaPipe's Tasks API reads from the two networks that its packages ship.

A ``.task`` file is an uncompressed zip of two TensorFlow Lite models, each of which carries metadata that says
how its input picture is normalised. The networks inside Python wheels and npm packages lack that metadata.
The format is described in ``metadata_schema.fbs`` of MediaPipe's own package.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

DETECTOR_MEMBER = "pose_detector.tflite"
LANDMARKS_MEMBER = "pose_landmarks_detector.tflite"

_METADATA_NAME = b"TFLITE_METADATA"
_METADATA_IDENTIFIER = b"M001"
_MODEL_IDENTIFIER = b"TFL3"


def assemble(detector: bytes, landmarks: bytes) -> bytes:
    """The ``.task`` file of a person detector and a landmark network (both ``.tflite``).

    The same input gives the same bytes, for the register's SHA-256. Raises ValueError for other files.
    """
    members = {
        # Pixels 0..255 to -1..1 for the detector, to 0..1 for the landmarks.
        DETECTOR_MEMBER: _with_normalisation(detector, mean=127.5, std=127.5),
        LANDMARKS_MEMBER: _with_normalisation(landmarks, mean=0.0, std=255.0),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # the same bytes on every operating system
            archive.writestr(member, content)
    return stream.getvalue()


def _with_normalisation(model: bytes, mean: float, std: float) -> bytes:
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as schema

    if model[4:8] != _MODEL_IDENTIFIER:
        raise ValueError("not a TensorFlow Lite model")
    tables = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    metadata = schema.BufferT()
    metadata.data = _metadata(mean, std, len(tables.subgraphs[0].outputs))
    tables.buffers.append(metadata)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _METADATA_NAME, len(tables.buffers) - 1
    tables.metadata = [*(tables.metadata or []), entry]
    return _finish(tables, flatbuffers.Builder(len(model) + (1 << 16)), _MODEL_IDENTIFIER)


def _metadata(mean: float, std: float, outputs: int) -> bytes:
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    normalisation = schema.NormalizationOptionsT()
    normalisation.mean, normalisation.std = [mean], [std]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, normalisation
    picture = schema.ImagePropertiesT()
    picture.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = schema.ContentProperties.ImageProperties, picture
    image = schema.TensorMetadataT()
    image.name, image.content, image.processUnits = b"image", content, [unit]

    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [image]
    # MediaPipe refuses metadata whose number of outputs is not the network's.
    graph.outputTensorMetadata = [schema.TensorMetadataT() for _ in range(outputs)]
    model = schema.ModelMetadataT()
    model.subgraphMetadata = [graph]
    return _finish(model, flatbuffers.Builder(1024), _METADATA_IDENTIFIER)


def _finish(tables: Any, builder: Any, identifier: bytes) -> bytes:
    builder.Finish(tables.Pack(builder), identifier)
    return bytes(builder.Output())
