"""The map's messages: what the browser is told, and what it sends."""

import base64
import json
import struct

import numpy as np
import pytest

from synweight_core import map_wire
from synweight_core.clusters import ClusterLabels


def parsed(message):
    """Header and blobs of a message, as assets/map/src/wire.js reads them."""
    assert message[:4] == b"SYNM"
    (length,) = struct.unpack("<I", message[4:8])
    header = json.loads(message[8 : 8 + length])
    start = 8 + length
    return header, {name: message[start + at : start + at + size] for name, (at, size) in header["blobs"].items()}


def test_message_carries_header_and_blobs_at_multiples_of_eight():
    first, second = map_wire.blob(b"abc"), map_wire.blob(bytes(range(16)))
    header, blobs = parsed(map_wire.pack({"rev": 1}, [first, second]))
    assert header["rev"] == 1
    assert blobs == {first.name: b"abc", second.name: bytes(range(16))}
    assert all(at % 8 == 0 for at, _ in header["blobs"].values())


def test_same_bytes_have_the_same_name_and_others_another():
    assert map_wire.blob(b"a") == map_wire.blob(b"a")
    assert map_wire.blob(b"a").name != map_wire.blob(b"b").name


def test_places_keep_the_aspect_ratio_and_lie_within_minus_one_and_one():
    xy = np.random.default_rng(0).uniform(size=(1000, 2)) * [4, 2]
    places = np.frombuffer(map_wire.places(xy).content, "<f4").reshape(-1, 2)
    assert 0.9 < np.abs(places[:, 0]).max() <= 1
    assert 0.45 < np.abs(places[:, 1]).max() <= 0.5


def test_a_few_stray_rows_do_not_make_the_rest_small():
    xy = np.random.default_rng(0).uniform(size=(1000, 2))
    xy[0] = 1e6
    places = np.frombuffer(map_wire.places(xy).content, "<f4").reshape(-1, 2)
    assert 0.9 < np.abs(places[1:]).max() <= 1.01


@pytest.mark.parametrize("xy", [np.zeros((0, 2)), np.zeros((1, 2)), np.ones((3, 2))])
def test_places_of_one_point_or_none_are_finite(xy):
    places = np.frombuffer(map_wire.places(xy).content, "<f4")
    assert places.size == 2 * len(xy)
    assert np.isfinite(places).all()


def test_one_byte_a_row_crosses_for_a_colour_and_one_bit_for_a_selection():
    n = 200_000
    codes, chosen = map_wire.blob(np.zeros(n, np.uint8).tobytes()), map_wire.bits(np.arange(0, n, 3), n)
    message = map_wire.pack({"rev": 1}, [codes, chosen])
    assert len(message) / n < 1.13


@pytest.mark.parametrize("rows", [[], [0], [7, 8], [1, 3, 9]])
def test_selection_goes_to_the_browser_and_back(rows):
    n = 10
    content = map_wire.bits(np.array(rows, dtype=int), n).content
    event = {"bits": base64.b64encode(content).decode()}
    assert map_wire.chosen_rows(event, n).tolist() == rows
    assert map_wire.chosen_rows({"rows": rows[::-1] + rows}, n).tolist() == rows


@pytest.mark.parametrize("event", [{"rows": [-1, 99]}, {"bits": "?"}, {"bits": ""}, {}])
def test_selection_that_does_not_fit_selects_nothing(event):
    assert map_wire.chosen_rows(event, 5).tolist() == []


def test_more_bits_than_rows_are_left_out():
    event = {"bits": base64.b64encode(b"\xff" * 100).decode()}
    assert map_wire.chosen_rows(event, 3).tolist() == [0, 1, 2]


def test_names_go_coarse_before_fine_and_large_before_small():
    clusters = ClusterLabels(
        x=np.array([0.0, 4.0, 2.0, 1.0], np.float32), y=np.zeros(4, np.float32), level=np.array([1, 0, 0, 0]),
        size=np.array([5, 10, 20, 30]), names=["fine", "small", "large", ""],
    )  # fmt: skip
    frame = map_wire.Frame(np.array([2.0, 0.0]), 2.0)
    labels = map_wire.labels(clusters, frame)
    assert [label["name"] for label in labels] == ["large", "small", "fine"]
    assert labels[1]["x"] == 1.0
