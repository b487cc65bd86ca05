"""A training's configuration: ``configs/train/<method>-<variant>.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from msgspec import Meta


@dataclass(frozen=True, slots=True)
class MiniData:
    """Generated splits that a training without ``--data`` uses.

    Attributes:
        videos: Number of videos of the split ``train``.
        val_videos: Number of videos of the validation split ``held_out``.
        seed: Seed of both.
        annotators: Number of annotators who describe each video of ``train``.
        spoken_videos: Number of videos of ``train``, the first ones, whose sentences are synthesized as speech; all of
            ``held_out`` are if it is not 0. Requires flite and festival.
        opposite_orders: Share of the videos of ``train`` in which two objects make the same two moves in opposite
            order, 0..1.
        world: Version of the generated data: 1 is the data set ``mini``, 2 is ``mini2``.
    """

    videos: Annotated[int, Meta(ge=1)]
    val_videos: Annotated[int, Meta(ge=1)]
    seed: int
    annotators: Annotated[int, Meta(ge=1)]
    spoken_videos: Annotated[int, Meta(ge=0)] = 0
    opposite_orders: Annotated[float, Meta(ge=0, le=1)] = 0.75
    world: Annotated[int, Meta(ge=1, le=2)] = 1

    renamed_fields: ClassVar[Mapping[str, str]] = {"held_out_videos": "val_videos"}


@dataclass(frozen=True, slots=True)
class LoaderConfig:
    """Data loading of each process; it does not change what is learned.

    Attributes:
        workers: Number of loader processes that draw samples ahead of time; 0: none.
        frame_cache_mb: Megabytes of decoded frames that are cached, over all loaders of a process.
    """

    workers: Annotated[int, Meta(ge=0, le=1024)] = 0
    frame_cache_mb: Annotated[int, Meta(ge=0)] = 256


@dataclass(frozen=True, slots=True)
class TrainSections:
    """The sections that every training has; all other keys of the file are options of the method.

    Attributes:
        mini: The generated data.
        loader: Data loading.
    """

    mini: MiniData
    loader: LoaderConfig = field(default_factory=LoaderConfig)
