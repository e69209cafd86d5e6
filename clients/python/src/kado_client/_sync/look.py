# Written by scripts/client.py (make format) from _async/look.py. Change that instead.

"""How a program's cards look: colours and words, its pictures, and the designs that a card can have."""

from typing import Unpack

from kado_client._sync.resource import Resource
from kado_client.call import Page
from kado_client.records.looks import CardLook, Design, LookChanges, Picture
from kado_client.wire import changes


class Look(Resource):
    """The look of one program's cards, on pages, in mails, on paper and in wallets. Changes take the program's owner.

    A picture is sent as the bytes of a PNG, JPEG, GIF or WebP file: at most 6 MB, 32 million pixels, 12,000 to a side,
    and at least 16. The server makes it as small as it is shown. `NotValid` says what is wrong with one: `image_type`,
    `image_broken`, `image_too_large`, `image_too_small`.
    """

    def get(self) -> CardLook:
        """What the program says of it, and what is shown."""
        return self._get(("card",), CardLook)

    def update(self, **look: Unpack[LookChanges]) -> CardLook:
        """Change what is given and nothing else; None takes it back. Raises `NotValid` for what is no colour."""
        return self._write(("card",), CardLook, changes(look), method="PUT", is_safe=True)

    def pictures(self) -> Page[Picture]:
        """The program's own pictures."""
        return self._list(("card", "images"), Picture)

    def picture(self, type: str) -> Picture:  # noqa: A002 - the API's word
        """One of them: `logo`, `icon`, `strip`, `footer`, `thumbnail` or `background`. `NotFound` if there is none."""
        return self._get(("card", "images", type), Picture)

    def send_picture(self, type: str, image: bytes) -> Picture:  # noqa: A002 - the API's word
        """Have this picture in the place of the one before, whose address then leads nowhere."""
        return self._send_picture(("card", "images", type), Picture, image)

    def remove_picture(self, type: str) -> None:  # noqa: A002 - the API's word
        """Take a picture away. `NotFound` if there is none, or none any more."""
        self._delete(("card", "images", type))

    def designs(self) -> Page[Design]:
        """What `design_template` of a card can name, by name: the drawings that come along, and one's own."""
        return self._list(("card", "designs"), Design)

    def design(self, slug: str) -> Design:
        """One of them, by its name. `NotFound` if there is none."""
        return self._get(("card", "designs", slug), Design)

    def send_design(self, slug: str, image: bytes) -> Design:
        """Have this picture on cards of this design. It takes the place of a drawing of the same name.

        A name has small letters, digits and hyphens. Raises `Refused` with `too_many_pictures` beyond 40 of one's own.
        """
        return self._send_picture(("card", "designs", slug), Design, image)

    def remove_design(self, slug: str) -> None:
        """Take one's own art away; its cards show the drawing that comes along, or the plain one."""
        self._delete(("card", "designs", slug))

    def preview(
        self,
        *,
        format: str | None = None,  # noqa: A002 - the API's word
        size: str | None = None,
        design_template: str | None = None,
        language: str | None = None,
    ) -> bytes:
        """A sample on paper, as PDF, which is no card and says so. Arguments are as for `cards.paper`."""
        return self._get_file(
            ("card", "preview"), format=format, size=size, designTemplate=design_template, language=language
        )
