import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado.cards.masking import mask


@pytest.mark.parametrize(
    ("recipient", "masked"),
    [
        ("anna.smith@example.com", "a***@e***.com"),
        ("a@e.io", "a***@e***.io"),
        ("a@mail.example.co.uk", "a***@m***.uk"),
        ("a@localhost", "a***@l***"),
        ("ünal@müller.de", "***@m***.de"),
        ("x@192.0.2.7", "x***@1***"),
        ("+4915112345678", "+49*****678"),
        ("+15550100", "+15*****100"),
        ("12345", "*****"),
        ("", "*****"),
        ("@", "***@***"),
    ],
)
def test_masked_forms(recipient: str, masked: str) -> None:
    assert mask(recipient) == masked


@given(st.text())
def test_whatever_comes_in_the_mask_is_short_ascii_on_one_line(recipient: str) -> None:
    masked = mask(recipient)
    assert masked.isascii()
    assert masked.isprintable()
    assert len(masked) <= 30


@given(st.from_regex(r"[a-z]{3,20}\.[a-z]{3,20}@[a-z]{4,20}\.com", fullmatch=True))
def test_the_mask_keeps_only_first_letters_and_the_ending(address: str) -> None:
    local, domain = address.split("@")
    assert mask(address) == f"{local[0]}***@{domain[0]}***.com"
