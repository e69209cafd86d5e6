"""Contrast as WCAG defines it: known pairs, symmetry, and both spellings of a colour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado.shops.theme.colours import contrast, is_colour

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#15803d", "#ffffff", 5.02),
        ("#6b7280", "#f9fafb", 4.63),
    ],
)
def test_known_ratios(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


@given(COLOURS, COLOURS)
def test_a_ratio_lies_between_1_and_21_in_either_order(one: str, other: str) -> None:
    assert 1 <= contrast(one, other) <= 21.0001
    assert contrast(one, other) == contrast(other, one)
    assert contrast(one, one) == 1


@given(COLOURS, st.tuples(*[st.sampled_from("0123456789abcdef")] * 3))
def test_three_digits_and_capitals_mean_the_same(ground: str, digits: tuple[str, ...]) -> None:
    short, long = "#" + "".join(digits), "#" + "".join(digit * 2 for digit in digits)
    assert contrast(short, ground) == contrast(long, ground) == contrast(long.upper(), ground)


@pytest.mark.parametrize("text", ["#fff", "#FFFFFF", "#0a1B2c"])
def test_what_a_colour_is(text: str) -> None:
    assert is_colour(text)


@pytest.mark.parametrize(
    "text",
    ["", "#", "fff", "#ff", "#ffff", "#fffff", "#fffffff", "#ggg", "#fff\n", " #fff", "red", "#٣٣٣", "#１１１", "#-11",
     "rgb(0)"],
)  # fmt: skip
def test_what_no_colour_is(text: str) -> None:
    assert not is_colour(text)
