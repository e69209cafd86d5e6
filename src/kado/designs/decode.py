"""What a merchant sends becomes a picture of our own: decoded within bounds, made smaller, encoded anew.

Nothing of the file goes on but what is seen of its first frame: no metadata, no place where it was taken, no profile,
nothing behind its end. What a file is says its content; its name and the type that it was sent with say nothing.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps

from kado.errors import Invalid

UPLOAD_BYTES: Final = 6 * 1024 * 1024
"""What a phone's camera makes has three or four."""
PIXELS_MAX: Final = 32_000_000
SIDE_MAX: Final = 12_000
STORED_BYTES: Final = 1024 * 1024

# In the order in which a file is taken for one of them; Pillow reads many more, each with faults of its own.
_BEGINNINGS: Final = (
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("JPEG", b"\xff\xd8\xff"),
    ("GIF", b"GIF87a"),
    ("GIF", b"GIF89a"),
)
_QUALITIES: Final = (88, 75, 60, 45)
_SIXTEEN_BITS: Final = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_SMALLEST: Final = 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as it is kept."""

    content: bytes
    media_type: str
    width: int
    height: int


def decode(sent: bytes, box: tuple[int, int]) -> Decoded:
    """The picture in this file, no larger than the box (pixels, width and height), as PNG or JPEG.

    Takes up to a second. Raises `Invalid`, which names the field `image`.
    """
    if len(sent) > UPLOAD_BYTES:
        raise _wrong("image_too_large", f"A picture has at most {UPLOAD_BYTES // 1024**2} MB.")
    form = _form_of(sent)
    if form is None:
        raise _wrong("image_type", "A picture is a PNG, JPEG, GIF or WebP file. SVG is not taken.")
    try:
        image = _decoded(sent, form, box)
        return _encoded(image)
    except Invalid:
        raise
    except MemoryError:
        raise _wrong("image_too_large", "This picture takes too much to decode.") from None
    except Exception:  # noqa: BLE001 - whatever a decoder says about a file that somebody made for it
        raise _wrong("image_broken", "This file is broken: it cannot be decoded to its end.") from None


def _form_of(sent: bytes) -> str | None:
    """Which sort of file it is, by how it begins."""
    if sent[:4] == b"RIFF" and sent[8:12] == b"WEBP":
        return "WEBP"
    return next((form for form, beginning in _BEGINNINGS if sent.startswith(beginning)), None)


def _decoded(sent: bytes, form: str, box: tuple[int, int]) -> Image.Image:
    """The first frame, upright, within the box, as RGB or RGBA."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bounds of our own come first; of what else may be odd, only pixels are kept
        with Image.open(io.BytesIO(sent), formats=[form]) as image:
            width, height = image.size
            if min(width, height) < _SMALLEST:
                raise _wrong("image_too_small", f"A picture is at least {_SMALLEST} pixels wide and high.")
            if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
                raise _wrong("image_too_large", f"A picture has at most {PIXELS_MAX // 10**6} million pixels.")
            image.seek(0)
            if form == "JPEG":
                image.draft(
                    None, (2 * max(box), 2 * max(box))
                )  # a large photograph is decoded at a fraction of its size
            image.load()
            # A decoder that wants less memory turns the small picture, and not the large one.
            turned = image.getexif().get(0x0112)
            small = _plain(image)
            small.thumbnail((max(box), max(box)), Image.Resampling.LANCZOS)
    if turned in range(2, 9):
        small.getexif()[0x0112] = turned
        small = ImageOps.exif_transpose(small)
    small.thumbnail(box, Image.Resampling.LANCZOS)
    return small


def _plain(image: Image.Image) -> Image.Image:
    """The pixels as RGB, or RGBA where any can be seen through; with eight bits."""
    if image.mode in _SIXTEEN_BITS:
        # By itself Pillow cuts sixteen bits off at the eighth, and all becomes white.
        image = image.point(lambda value: value * (1 / 257), "L") if image.mode == "I" else _eight_bits(image)
    if image.mode == "F":
        raise _wrong("image_type", "A picture has whole numbers for its colours.")
    is_clear = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    if not is_clear:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    lowest, _ = clear.getchannel("A").getextrema()
    return clear if lowest != 255 else clear.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    return image.convert("I").point(lambda value: value * (1 / 257), "L")


def _encoded(image: Image.Image) -> Decoded:
    """As PNG where that is small or the picture can be seen through; photographs as JPEG."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    content, media_type = _saved(bare, "PNG", optimize=True), "image/png"
    if bare.mode == "RGB" and len(content) > 64 * 1024:
        for quality in _QUALITIES:
            photograph = _saved(bare, "JPEG", quality=quality, progressive=True, optimize=True)
            if len(photograph) < min(len(content), STORED_BYTES):
                content, media_type = photograph, "image/jpeg"
                break
    if len(content) > STORED_BYTES:
        content = _saved(bare.quantize(256), "PNG", optimize=True)
    if len(content) > STORED_BYTES:
        raise _wrong("image_too_large", "This picture stays too large, however it is encoded.")
    return Decoded(content, media_type, *bare.size)


def _saved(image: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def _wrong(kind: str, message: str) -> Invalid:
    return Invalid(("body", "image"), message, kind)
