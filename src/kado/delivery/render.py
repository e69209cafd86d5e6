"""A letter becomes a mail: HTML that mail clients can show (MJML), plain text, and pictures that go with it.

The MJML is compiled once, before anything is filled in: what people wrote never passes through its parser. No picture
is fetched from anywhere, so that nobody learns who opened the mail.
"""

from email.message import EmailMessage
from functools import cache
from importlib.resources import files
from typing import Final, cast

from jinja2 import Environment, StrictUndefined, Template
from mjml import mjml2html

from kado import barcodes
from kado.delivery.addresses import mailbox
from kado.delivery.letter import Letter
from kado.delivery.manner import Manner
from kado.delivery.wording import CODE_GOES_HERE, broken_up
from kado.languages.choose import Language

_SCAN_ID: Final = "scan@kado"
_LOGO_ID: Final = "logo@kado"
_ART_ID: Final = "card@kado"
_SCAN_PIXELS: Final = 8
"""For a module: sharp also where a client shows it twice as large."""

_TEMPLATES: Final = files("kado.delivery") / "templates"


def mail(letter: Letter, manner: Manner, recipient: str) -> EmailMessage:
    """The mail, but for what `Mailer` adds. Raises `PermanentFailure` where the recipient is no address."""
    message = EmailMessage()
    message["Subject"] = broken_up(letter.subject.text).replace("=?", "= ?")
    message["To"] = mailbox(recipient)
    message["Auto-Submitted"] = "auto-generated"
    # Not base64: the code can be read in the raw mail as well, and no line is too long for any server.
    message.set_content(plain(letter), cte="quoted-printable")
    message.add_alternative(html(letter, manner), subtype="html", cte="quoted-printable")
    # Afterwards: what it is called before it has parts, its first part is called.
    message["Content-Language"] = letter.language.value
    shown = cast("EmailMessage", list(message.iter_parts())[-1])
    for name, content in pictures(letter, manner):
        shown.add_related(content, maintype="image", subtype="png", cid=f"<{name}>", disposition="inline")
    return message


def plain(letter: Letter) -> str:
    """The plain text; the code is the only free-standing group of six digits in it."""
    text = broken_up(_text_template().render(letter=letter, shop=letter.shop))
    return text if letter.code is None else text.replace(CODE_GOES_HERE, letter.code.value)


def html(letter: Letter, manner: Manner) -> str:
    """The HTML, whose pictures are named by their content ids."""
    template = _html_template(letter.language)
    ids = {"scan_id": _SCAN_ID, "logo_id": _LOGO_ID, "art_id": _ART_ID}
    return template.render(letter=letter, manner=manner, shop=letter.shop, **ids)


def pictures(letter: Letter, manner: Manner) -> list[tuple[str, bytes]]:
    """What goes with the HTML: content ids, and PNG."""
    found = []
    if manner.logo is not None:
        found.append((_LOGO_ID, manner.logo.content))
    if letter.shows_card and manner.art is not None:
        found.append((_ART_ID, manner.art.content))
    if letter.scan is not None:
        found.append((_SCAN_ID, barcodes.qr_png(letter.scan.value, _SCAN_PIXELS)))
    return found


@cache
def _html_template(language: Language) -> Template:
    source = (_TEMPLATES / "letter.mjml").read_text(encoding="utf-8").replace("LANGUAGE", language.value)
    compiled = mjml2html(source)
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(compiled)


@cache
def _text_template() -> Template:
    source = (_TEMPLATES / "letter.txt").read_text(encoding="utf-8")
    plain_text = Environment(
        autoescape=False,  # noqa: S701 - plain text: nothing is escaped, because nothing is read
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return plain_text.from_string(source)
