"""Range and If-Range request headers."""

import pytest

from api.http.byte_ranges import RangeUnsatisfiable, requested_part

ETAG = '"abc"'


def requested_range(header: str | None, if_range: str | None = None, size: int = 100) -> range | None:
    return requested_part(header, if_range=if_range, etag=ETAG, size=size)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-9", range(10)),
        ("bytes=90-", range(90, 100)),
        ("bytes=99-99", range(99, 100)),
        ("bytes=90-1000", range(90, 100)),
        ("bytes=-10", range(90, 100)),
        ("bytes=-1000", range(100)),
        ("Bytes= 5-6 ", range(5, 7)),
    ],
)
def test_range_header_selects_a_byte_range(header: str, expected: range) -> None:
    assert requested_range(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=9-5",
        "items=0-5",
        "bytes=0-1,5-6",
        "bytes=+1-2",
        "bytes=.5-2",
    ],
)
def test_unreadable_range_header_is_ignored(header: str | None) -> None:
    assert requested_range(header) is None


def test_range_with_5000_digits_is_ignored() -> None:
    assert requested_range(f"bytes=0-{'9' * 5000}") is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_range_beyond_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        requested_range(header)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5"])
def test_range_of_empty_file_is_unsatisfiable(header: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        requested_range(header, size=0)


@pytest.mark.parametrize(
    ("if_range", "expected"),
    [(ETAG, range(10)), ('"other"', None), (f"W/{ETAG}", None), ("Wed, 25 Nov 2026 16:39:07 GMT", None)],
)
def test_if_range_mismatch_ignores_the_range(if_range: str, expected: range | None) -> None:
    assert requested_range("bytes=0-9", if_range) == expected


def test_if_range_mismatch_ignores_an_unsatisfiable_range() -> None:
    assert requested_range("bytes=500-", '"other"') is None
