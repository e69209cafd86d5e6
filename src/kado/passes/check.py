"""What is wrong with how wallets are set up, or will be soon."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado.passes.wallets import EARLY, Wallets
from kado.programs.program import Program

GUIDE: Final = "docs/how-to/wallets.md"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that somebody should do. `code` and `facts` are for whoever says it in another language."""

    code: str
    facts: dict[str, str]
    message: str


def complaints(made: Wallets, programs: Sequence[Program], public_url: str, now: datetime) -> Iterator[Complaint]:
    """About certificates, about programs without one, and about an address that phones do not call."""
    yield from _about_certificates(made, now)
    yield from _about_programs(made, programs)
    yield from _about_address(made, public_url)


def _about_certificates(made: Wallets, now: datetime) -> Iterator[Complaint]:
    for one in made.certificates.values():
        left = one.expires_at - now
        facts = {"type": one.pass_type, "days": str(left.days)}
        if left <= timedelta(0):
            message = f"The certificate for {one.pass_type} is over: make a new one ({GUIDE}). Passes stand still."
            yield Complaint("certificate_over", facts, message)
        elif not one.is_valid_at(now):
            message = f"The certificate for {one.pass_type} is not in force yet: is this machine's clock right?"
            yield Complaint("certificate_early", facts, message)
        elif left < EARLY:
            message = f"The certificate for {one.pass_type} ends in {left.days} days: make a new one ({GUIDE})."
            yield Complaint("certificate_ends", facts, message)


def _about_programs(made: Wallets, programs: Sequence[Program]) -> Iterator[Complaint]:
    if not made.certificates:
        return
    for one in programs:
        if one.pass_type_identifier not in made.certificates:
            yield Complaint(
                "program_without_certificate",
                {"name": one.name, "type": one.pass_type_identifier},
                f"Program {one.id} ({one.name}) has the pass type {one.pass_type_identifier}, for which there is no"
                " certificate: set its passTypeIdentifier, or get one.",
            )


def _about_address(made: Wallets, public_url: str) -> Iterator[Complaint]:
    is_real = any(not one.is_development for one in made.certificates.values())
    if is_real and not public_url.startswith("https://"):
        message = "KADO_PUBLIC_URL is not https://: phones would neither fetch changes nor register for them."
        yield Complaint("address_not_https", {}, message)
