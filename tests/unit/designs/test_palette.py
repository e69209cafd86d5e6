"""Whatever colours a theme has, what is text can be read: by the contrast that WCAG asks for."""

from hypothesis import given
from hypothesis import strategies as st

from kado.designs.palette import Palette, dark, light, readable
from kado.shops.theme.colours import contrast
from kado.shops.theme.theme import Theme

colours = st.from_regex(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", fullmatch=True)


def _pairs(one: Palette) -> list[tuple[str, str]]:
    on_both = [(text, ground) for text in (one.text, one.muted, one.accent) for ground in (one.background, one.surface)]
    return [*on_both, (one.on_button, one.button)]


def test_the_usual_theme_stays_as_it_is() -> None:
    theme = Theme()
    assert (light(theme).text, light(theme).button, light(theme).on_button) == ("#111827", "#15803d", "#ffffff")


@given(st.builds(Theme, primary=colours, primary_fg=colours))
def test_at_night_everything_can_be_read(theme: Theme) -> None:
    assert all(contrast(*pair) >= 4.5 for pair in _pairs(dark(theme)))


@given(colours, colours)
def test_text_on_one_ground_can_always_be_read(text: str, ground: str) -> None:
    assert contrast(readable(text, ground), ground) >= 4.5


@given(colours, colours)
def test_what_can_be_read_is_left_alone(text: str, ground: str) -> None:
    if contrast(text, ground) >= 4.5:
        assert readable(text, ground) == text
