"""Pictures to send, good and hostile ones."""

import io
import struct
import zlib

from PIL import Image

BOUNDARY = "kado-test-7f3a"


def a_picture(form: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **how: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, form, **how)
    return out.getvalue()


def a_body(content: bytes, name: str = "image", more: bytes = b"") -> bytes:
    """A body of multipart/form-data with one file in it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="../a.svg"\r\n'
    return (
        head.encode() + b"Content-Type: image/svg+xml\r\n\r\n" + content + b"\r\n" + more + f"--{BOUNDARY}--".encode()
    )


MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def a_png_that_claims(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG whose header says this size, whatever follows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def hostile() -> dict[str, bytes]:
    """Files that are no picture that anybody should keep."""
    picture, photograph = a_picture(), a_picture("JPEG", (400, 300))
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    text_bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * 64 * 1024**2))
    return {
        "svg with a script": script,
        "svg behind a declaration": b'<?xml version="1.0"?>' + script,
        "html": b"<!DOCTYPE html><script>alert(1)</script>",
        "svg in disguise": b"\x89PNG\r\n\x1a\n" + script,
        "nothing but a beginning": b"\xff\xd8\xff",
        "cut in the middle": photograph[: len(photograph) // 2],
        "cut png": picture[: len(picture) // 2],
        "pixel bomb": a_png_that_claims(60_000, 60_000),
        "a long thin one": a_png_that_claims(100_000, 20),
        "claims more than it has": a_png_that_claims(4000, 4000, b"\0" * 64),
        "no height": a_png_that_claims(100, 0),
        "one pixel": a_picture(size=(1, 1)),
        "text bomb": picture[:33] + text_bomb + picture[33:],
        "tiff": a_picture("TIFF"),
        "bmp": a_picture("BMP"),
        "ico": a_picture("ICO"),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
        "pdf": b"%PDF-1.4\n",
        "gif without frames": b"GIF89a" + b"\x40\0\x40\0" + b"\0" * 20,
        "webp of nothing": b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 8,
        "zip": b"PK\x03\x04" + b"\0" * 100,
        "zeros": b"\0" * 1000,
    }
