"""Union, overlap and boxes of row transitions are those of dense masks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mevis_bench.masks import MaskRows
from mevis_bench.masks.row_loops import bounding_boxes, overlaps, unite

shapes = array_shapes(min_dims=3, max_dims=3, max_side=13)
pairs = shapes.flatmap(lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape)))


@settings(max_examples=200, deadline=None)
@given(pairs)
def test_union_and_overlap(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (MaskRows.from_dense(masks) for masks in pair)
    expected = MaskRows.from_dense(pair[0] | pair[1])
    offsets, x = unite(a.offsets, a.x, b.offsets, b.x)
    assert np.array_equal(offsets, expected.offsets)
    assert np.array_equal(x, expected.x)
    shared = overlaps(a.length, a.offsets, a.x, b.offsets, b.x)
    assert np.array_equal(shared, (pair[0] & pair[1]).sum(axis=(1, 2)))


@settings(max_examples=200, deadline=None)
@given(arrays(np.bool_, shapes))
def test_boxes_are_tight_and_half_open(masks: np.ndarray) -> None:
    rows = MaskRows.from_dense(masks)
    for mask, box in zip(masks, bounding_boxes(rows.length, rows.offsets, rows.x), strict=True):
        if not mask.any():
            assert box.tolist() == [0, 0, 0, 0]
            continue
        y, x = np.nonzero(mask)
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
