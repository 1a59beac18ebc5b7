import numpy as np
import pytest

from tasks.stores.privacy import blacken, check_polygon, parse_polygon


def test_polygon_is_read_from_text():
    assert parse_polygon("0 0; 0.5 0 ;0.5 1") == ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 0;1 1", "three corners"),
        ("0 0;1 0;1", "not two numbers"),
        ("0 0;1 0;1 1.5", "outside"),
        ("0 0;1 0;1 nan", "outside"),
        ("0 0;1 0;1 x", "could not convert"),
    ],
)
def test_what_is_no_polygon_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parse_polygon(text)


def test_no_corners_is_no_polygon():
    assert check_polygon([]) == ()
    frame = np.ones((4, 4, 3), np.uint8)
    assert blacken(frame, ()) is frame


def test_polygon_and_its_outline_are_black():
    # 10 x 10 pixels; x from 0.2 to 0.5 is columns 2 to 5 with the outline, y from 0 to 0.3 rows 0 to 3.
    frame = blacken(np.ones((10, 10, 3), np.uint8), parse_polygon("0.2 0;0.5 0;0.5 0.3;0.2 0.3"))
    expected = np.ones((10, 10), np.uint8)
    expected[0:4, 2:6] = 0
    assert (frame == expected[..., None]).all()


def test_sixteen_bit_and_read_only_frames():
    frame = np.full((4, 6, 3), 60000, np.uint16)
    frame.setflags(write=False)
    black = blacken(frame, ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert not black.any()
    assert frame.all()  # the caller's own array is left as it was
