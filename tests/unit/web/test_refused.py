"""Why something cannot be done, in the reader's language: whole sentences, whatever is known of the refusal."""

import pytest

from kado.doors.pos.respond import why
from kado.languages.choose import Language
from kado.languages.say import words


@pytest.mark.parametrize("language", list(Language))
def test_the_till_never_shows_what_a_sentence_leaves_open(language: Language) -> None:
    open_ones = [code for code, text in words("refusals", language).items() if "{" in text]
    assert open_ones
    for code in open_ones:
        assert "{" not in why(code, "It cannot be done.", language), code
