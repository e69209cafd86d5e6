"""Whether whoever asks has the newest pass already, in the words of HTTP (RFC 9110, 13.1.3)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from kado.passes.registrations import STILL_COMING


def last_modified(changed: datetime, now: datetime) -> str:
    """What a `Last-Modified` says of a pass that became different at this moment.

    A second is long: while another change may still come to bear the same one, the one before is told, so that the pass
    is fetched again rather than an old one kept.
    """
    whole = changed.replace(microsecond=0)
    return format_datetime(whole - timedelta(seconds=1) if now - changed < STILL_COMING else whole, usegmt=True)


def is_known(changed: datetime, if_modified_since: str | None) -> bool:
    """Whether a request with this header has what became different at this moment; a header that is no time has not."""
    try:
        since = parsedate_to_datetime(if_modified_since or "")
    except ValueError:
        return False
    since = since.replace(tzinfo=UTC) if since.tzinfo is None else since
    return changed.replace(microsecond=0) <= since
