"""Addresses as mail headers need them: one mailbox, encoded, with nothing that could begin a second one."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from typing import Final

import idna

from kado.delivery.failures import PermanentFailure
from kado.delivery.wording import for_header, one_line

# Everything that has a meaning in an address header, apart from the dot. Quoting would do, but is lost when headers are
# folded again on the way, and then a comma in a name begins another address.
_MEANINGFUL: Final = re.compile(r'[()<>@,:;\\"\[\]]')
_LOOKS_LIKE_THEM: Final = re.compile("[\uff1c\uff1e\uff20\ufe64\ufe65\ufe6b]")
_LOCAL_PART: Final = re.compile(r"[^\s\x00-\x20\x7f()<>@,:;\\\"\[\]]{1,64}")


def mailbox(address: str, name: str = "") -> Address:
    """The address with the name that is shown for it. Raises `PermanentFailure` for what is no address."""
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or "=?" in local:
        raise PermanentFailure("this is not an email address")
    try:
        host = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
        if not re.fullmatch(r"[a-z0-9._-]{1,253}|\[[a-f0-9.:ipv]{1,50}\]", host, re.ASCII):
            raise PermanentFailure("this is not an email address")
        return Address(display_name=shown(name), username=local, domain=host)
    except (idna.IDNAError, MessageError, ValueError):
        raise PermanentFailure("this is not an email address") from None


def shown(name: str) -> str:
    """A name as it may stand before an address."""
    return for_header(_LOOKS_LIKE_THEM.sub(" ", _MEANINGFUL.sub(" ", one_line(name))), 60)
