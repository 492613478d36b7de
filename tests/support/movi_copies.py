"""Tiny copies of MOVi-E as it is downloaded: TFRecord shards, and VideoSAUR's tars.

Written by protobuf and by a plain checksum, so that nothing is shared with the reader.
"""

import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image

from support.videos_for_tests import moving_square

FRAMES, SIDE = 4, 32


def truth_of(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T, H, W, 3) and ids (T, H, W) of a video: 7 moves over a still 23."""
    frames, square = moving_square(FRAMES, SIDE, SIDE, seed=index)
    ids = 7 * square
    ids[:, 24:30, :6] = 23
    frames[:, 24:30, :6] = (40, 40 + index, 200)
    return frames, ids


def movi_records(root: Path, shards: tuple[int, ...] = (2, 1), split: str = "validation") -> Path:
    """As released: shards with so many records each, and the files that TFDS lays beside them."""
    root.mkdir(parents=True, exist_ok=True)
    first = 0
    for number, count in enumerate(shards):
        name = f"movi_e-{split}.tfrecord-{number:05d}-of-{len(shards):05d}"
        examples = [example_of(index) for index in range(first, first + count)]
        (root / name).write_bytes(b"".join(map(framed, examples)))
        first += count
    lengths = [str(count) for count in shards]
    splits = [
        {"name": "train", "shardLengths": ["9"], "numBytes": "1"},
        {"name": split, "shardLengths": lengths, "numBytes": "1"},
    ]
    info = {"name": "movi_e", "version": "1.0.0", "splits": splits}
    (root / "dataset_info.json").write_text(json.dumps(info))
    (root / "features.json").write_text("{}")
    return root


def movi_tars(root: Path, shards: tuple[int, ...] = (2, 1), segmentations: bool = True) -> Path:
    """As VideoSAUR writes them: keys are places, members are arrays."""
    root.mkdir(parents=True, exist_ok=True)
    first = 0
    for number, count in enumerate(shards):
        with tarfile.open(root / f"movi_e-validation-{number:06d}.tar", "w") as archive:
            for index in range(first, first + count):
                frames, ids = truth_of(index)
                flow = np.zeros((FRAMES, SIDE, SIDE, 2), np.float32)
                arrays = {"forward_flow": flow, "segmentations": ids[..., None], "video": frames}
                if not segmentations:
                    arrays = {"video": frames}
                for name, array in arrays.items():
                    member = tarfile.TarInfo(f"{index}.{name}.npy")
                    content = io.BytesIO()
                    np.save(content, array)
                    member.size, member.mtime = content.tell(), 1700000000 + index
                    archive.addfile(member, io.BytesIO(content.getvalue()))
        first += count
    return root


def example_of(index: int) -> bytes:
    """One video as TFDS serialises it: names joined by /, images as PNG, tensors flattened."""
    frames, ids = truth_of(index)
    rng = np.random.default_rng(index)
    return serialised(
        {
            "metadata/video_name": [str(4000 + index).encode()],
            "metadata/num_frames": [FRAMES],
            "metadata/num_instances": [2],
            "metadata/depth_range": [0.5, 20.0],
            "background": [b"studio"],
            "instances/mass": [1.0, 2.5],
            "events/collisions/frame": [],
            "video": [png(frame) for frame in frames],
            "segmentations": [png(image) for image in ids],
            "forward_flow": rng.integers(0, 65536, FRAMES * SIDE * SIDE * 2).tolist(),
            "depth": [png(np.full((SIDE, SIDE), 999, np.uint16))] * FRAMES,
        }
    )


def serialised(features: dict[str, list]) -> bytes:
    """A ``tf.train.Example``, written by protobuf."""
    example = example_type()()
    for name, values in features.items():
        feature = example.features.feature[name]
        kind = {bytes: "bytes_list", float: "float_list"}.get(type(values[0]) if values else int)
        getattr(feature, kind or "int64_list").value.extend(values)
    return example.SerializeToString()


def example_type() -> type:
    """The class of ``tf.train.Example``, from its definition."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    lists = {
        "BytesList": kinds.TYPE_BYTES,
        "FloatList": kinds.TYPE_FLOAT,
        "Int64List": kinds.TYPE_INT64,
    }
    for name, kind in lists.items():
        file.message_type.add(name=name).field.add(
            name="value", number=1, label=kinds.LABEL_REPEATED, type=kind
        )
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes_list", "float_list", "int64_list"), 1):
        kind = {"bytes_list": "BytesList", "float_list": "FloatList"}.get(name, "Int64List")
        feature.field.add(
            name=name,
            number=number,
            label=kinds.LABEL_OPTIONAL,
            type=kinds.TYPE_MESSAGE,
            type_name=f".t.{kind}",
            oneof_index=0,
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
    message = {"type": kinds.TYPE_MESSAGE, "number": 2, "label": kinds.LABEL_OPTIONAL}
    entry.field.add(name="value", type_name=".t.Feature", **message)
    features.field.add(
        name="feature",
        number=1,
        label=kinds.LABEL_REPEATED,
        type=kinds.TYPE_MESSAGE,
        type_name=".t.Features.FeatureEntry",
    )
    file.message_type.add(name="Example").field.add(
        name="features", type_name=".t.Features", **(message | {"number": 1})
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


def framed(content: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(content))
    return length + masked(length) + content + masked(content)


def masked(content: bytes) -> bytes:
    checksum = plain_crc32c(content)
    turned = (checksum >> 15) | (checksum << 17 & 0xFFFFFFFF)
    return struct.pack("<I", (turned + 0xA282EAD8) % 2**32)


def plain_crc32c(content: bytes) -> int:
    """Bit by bit, as a CRC is defined."""
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()
