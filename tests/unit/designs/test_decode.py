"""What merchants send: decoded within bounds, and nothing of the file goes on but what is seen."""

import io
import random
import resource

import pytest
from PIL import Image, PngImagePlugin
from tests.api.pictures import a_picture, hostile

from kado.designs import decode as decoding
from kado.designs.decode import UPLOAD_BYTES, decode
from kado.errors import Invalid

BOX = (200, 100)


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("name", hostile())
def test_a_file_that_is_no_good_picture_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode(hostile()[name], BOX)
    assert refused.value.loc == ("body", "image")
    assert refused.value.code in ("image_type", "image_broken", "image_too_large", "image_too_small")


def test_bombs_take_little_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("pixel bomb", "text bomb", "a long thin one"):
        with pytest.raises(Invalid):
            decode(hostile()[name], BOX)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # the text bomb itself is 64 MB


def test_a_file_may_be_so_large_and_no_larger() -> None:
    picture = a_picture()
    assert decode(picture + b"\0" * (UPLOAD_BYTES - len(picture)), BOX).width == 64
    with pytest.raises(Invalid) as refused:
        decode(picture + b"\0" * (UPLOAD_BYTES + 1 - len(picture)), BOX)
    assert refused.value.code == "image_too_large"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_every_sort_becomes_png_or_jpeg_of_eight_bits(form: str, mode: str) -> None:
    out = io.BytesIO()
    sample = Image.linear_gradient("L").resize((64, 48))
    try:
        (sample.convert("I;16") if mode == "I;16" else sample.convert("RGB").convert(mode)).save(out, form)
    except (OSError, ValueError):
        pytest.skip(f"there is no {form} of {mode}")
    kept = decode(out.getvalue(), BOX)
    image = opened(kept.content)
    assert (kept.width, kept.height) == image.size == (64, 48)
    assert image.format is not None
    assert f"image/{image.format.lower()}" == kept.media_type
    assert image.mode in ("RGB", "RGBA", "P")


def test_sixteen_bits_keep_their_shades() -> None:
    out = io.BytesIO()
    deep = Image.new("I;16", (64, 48), 0x8000)
    deep.save(out, "PNG")
    assert opened(decode(out.getvalue(), BOX).content).convert("RGB").getpixel((5, 5)) == (127, 127, 127)


def test_a_printer_s_colours_become_a_screen_s() -> None:
    red = Image.new("CMYK", (64, 48), (0, 255, 255, 0))
    out = io.BytesIO()
    red.save(out, "JPEG", quality=100)
    r, g, b = opened(decode(out.getvalue(), BOX).content).convert("RGB").getpixel((30, 20))  # type: ignore[misc]
    assert r > 200
    assert max(g, b) < 40


def test_of_a_moving_picture_the_first_frame_is_kept() -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    image = opened(decode(out.getvalue(), BOX).content)
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_nothing_of_the_file_is_left_but_what_is_seen() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET-DESCRIPTION"
    exif.get_ifd(0x8825)[1] = "N"
    photograph = a_picture("JPEG", (400, 300), exif=exif, comment=b"SECRET-COMMENT", icc_profile=b"SECRET-PROFILE" * 9)
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "SECRET-AUTHOR")
    for sent in (photograph + b"SECRET-TRAILER", a_picture("PNG", pnginfo=words) + b"SECRET-TRAILER<script>"):
        kept = decode(sent, BOX)
        assert b"SECRET" not in kept.content
        assert b"script" not in kept.content
        assert not opened(kept.content).getexif()
        assert not set(opened(kept.content).info) & {"exif", "icc_profile", "comment", "Author"}


@pytest.mark.parametrize(("turn", "corner"), [(1, (2, 2)), (3, (61, 45)), (6, (45, 2)), (8, (2, 61))])
def test_a_picture_stands_upright(turn: int, corner: tuple[int, int]) -> None:
    image = Image.new("RGB", (64, 48), "#ffffff")
    image.paste("#ff0000", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = turn
    out = io.BytesIO()
    image.save(out, "PNG", exif=exif)
    kept = opened(decode(out.getvalue(), BOX).content).convert("RGB")
    assert kept.size == ((64, 48) if turn < 5 else (48, 64))
    assert kept.getpixel(corner) == (255, 0, 0)


def test_it_is_made_smaller_and_never_larger() -> None:
    for size, becomes in (((2000, 500), (200, 50)), ((20, 30), (20, 30))):
        kept = decode(a_picture(size=size), BOX)
        assert (kept.width, kept.height) == becomes


def test_what_can_be_seen_through_stays_so_and_stays_small() -> None:
    image = Image.effect_noise((1000, 640), 90).convert("RGBA")
    image.putalpha(Image.effect_noise((1000, 640), 90))
    out = io.BytesIO()
    image.save(out, "PNG")
    kept = decode(out.getvalue(), (1000, 700))
    assert kept.media_type == "image/png"
    assert len(kept.content) <= decoding.STORED_BYTES


def test_noise_and_damage_never_escape_as_anything_but_a_refusal() -> None:
    """Thousands of files with bytes changed: each becomes a picture or is refused."""
    drawn = random.Random(4)
    originals = [a_picture(form, (40, 30)) for form in ("PNG", "JPEG", "GIF", "WEBP")]
    for _ in range(400):
        damaged = bytearray(drawn.choice(originals))
        for _ in range(drawn.choice((1, 2, 8, 40))):
            damaged[drawn.randrange(len(damaged))] = drawn.randrange(256)
        try:
            kept = decode(bytes(damaged), BOX)
        except Invalid:
            continue
        opened(kept.content)
