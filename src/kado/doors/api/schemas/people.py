"""Bodies about people's data: exports, erasures, and what somebody agrees to."""

# ruff: noqa: N815 - attribute names are the names on the wire

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from kado.doors.api.schemas import Body
from kado.doors.api.types import (
    EmailStr,
    UtcDatetime,
    bounded_silently,
    email_address,
    many_lines,
    one_line,
    phone_number,
)


def _internet_address(text: str) -> str:
    try:
        if "%" not in text:  # behind it a zone may have any name, and means something on one machine only
            return str(ip_address(text))
    except ValueError:
        pass
    raise PydanticCustomError("ip_address", "Input should be an IPv4 or IPv6 address")


# The contract gives them no form; they are held to one all the same.
_as_text = WithJsonSchema({"type": "string"})
CustomerId = Annotated[str, Field(min_length=1, max_length=64), one_line, _as_text]
EmailText = Annotated[str, AfterValidator(email_address), _as_text]
PhoneText = Annotated[str, AfterValidator(phone_number), _as_text]
InternetAddress = Annotated[str, Field(max_length=64), AfterValidator(_internet_address), _as_text]
Purpose = Annotated[str, Field(min_length=1, max_length=100), one_line, _as_text]
FileFormat = Annotated[Literal["json", "csv"], WithJsonSchema({"type": "string", "pattern": "^(json|csv)$"})]
ExportId = Annotated[str, Field(max_length=64), one_line, _as_text]


class ExportCustomerDataRequest(Body):
    """Whose data, and in which form the file is to be."""

    customerId: CustomerId | None = None
    customerEmail: EmailStr | None = None
    format: FileFormat


class ExportCustomerDataResponse(Body):
    """Where the file can be fetched, and until when."""

    exportId: str
    downloadUrl: str
    format: str
    status: str
    requestedAt: UtcDatetime
    expiresAt: UtcDatetime


class EraseCustomerDataRequest(Body):
    """Who is to be forgotten, and why."""

    customerId: CustomerId | None = None
    customerEmail: EmailStr | None = None
    reason: Annotated[str, Field(max_length=1000), many_lines] | None = None


class EraseCustomerDataResponse(Body):
    """What has been done, and whether that is all."""

    requestId: str
    status: str
    message: str
    affectedCards: list[str]
    completedAt: UtcDatetime | None = None


class ConsentRequest(Body):
    """What somebody agrees to from now on; nothing withdraws everything."""

    purposes: Annotated[list[Purpose], Field(max_length=50), bounded_silently] = Field(default=[])
    ipAddress: InternetAddress | None = None
    customerEmail: Annotated[EmailText | None, Field(repr=False)] = None
    customerPhone: Annotated[PhoneText | None, Field(repr=False)] = None


class ConsentRecordResponse(Body):
    """What somebody agrees to now, and since when."""

    customerId: str
    purposes: list[str]
    consentedAt: UtcDatetime
    ipAddress: str | None
    expiresAt: UtcDatetime | None
    updatedAt: UtcDatetime | None
