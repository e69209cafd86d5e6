"""Codes of authenticators: the standard's own examples, and which of them is taken when."""

import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from kado.access import totp

RFC_SEED = b"12345678901234567890"
# RFC 6238, appendix B, SHA-1; of its eight digits the last six.
RFC_EXAMPLES = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize("seconds", RFC_EXAMPLES)
def test_codes_are_those_of_the_standard(seconds: int) -> None:
    assert totp.code_of(RFC_SEED, seconds // 30) == RFC_EXAMPLES[seconds][-6:]


@pytest.mark.parametrize(("aside", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_phones_clock_may_be_one_step_off(aside: int, found: bool) -> None:
    now = 1_800_000_017
    step = now // 30 + aside
    assert totp.matching_step(RFC_SEED, totp.code_of(RFC_SEED, step), now, None) == (step if found else None)


def test_only_later_steps_than_the_last_one_are_good() -> None:
    now = 1_800_000_017
    step = now // 30
    code = totp.code_of(RFC_SEED, step)
    assert totp.matching_step(RFC_SEED, code, now, step - 1) == step
    assert totp.matching_step(RFC_SEED, code, now, step) is None
    assert totp.matching_step(RFC_SEED, totp.code_of(RFC_SEED, step - 1), now, step) is None
    assert totp.matching_step(RFC_SEED, totp.code_of(RFC_SEED, step + 1), now, step) == step + 1


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", " 123456", "123456\n", "１２３４５６", "12345a", "-12345", "\ud800" * 6]
)
def test_what_is_no_code(text: str) -> None:
    assert not totp.is_code(text)
    assert totp.matching_step(RFC_SEED, text, 59, None) is None


def test_seeds_are_160_random_bits_and_can_be_typed_and_scanned() -> None:
    seeds = {totp.new_seed() for _ in range(1000)}
    assert len(seeds) == 1000
    assert {len(seed) for seed in seeds} == {20}
    seed = seeds.pop()
    text = totp.seed_text(seed)
    assert base64.b32decode(text) == seed
    uri = urlsplit(totp.uri(seed, "anna+shop@flowers.example"))
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/Kado:anna+shop@flowers.example")
    assert parse_qs(uri.query) == {
        "secret": [text], "issuer": ["Kado"], "algorithm": ["SHA1"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip
