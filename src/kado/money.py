"""Amounts: whole minor units plus a currency. No binary float ever touches money."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# ISO 4217 (active codes, funds and metals left out). Everything not listed in the two short tables has two decimals.
_NO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS: Final = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
    CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES
    KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
    NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
    TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"""


class UnknownCurrency(ValueError):
    """The code is not an active ISO 4217 currency with 0, 2 or 3 decimals."""


class TooManyDecimals(ValueError):
    """The amount is written with more decimals than its currency has; Kado never rounds money."""


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency and how many decimals it is written with (its exponent)."""

    code: str
    exponent: int

    def minor(self, amount: Decimal) -> int:
        """Major units as written ("25.00") to whole minor units (2500). Raises `TooManyDecimals`, never rounds."""
        exponent = amount.as_tuple().exponent
        assert isinstance(exponent, int), "NaN and infinity are refused before money is made"
        if -exponent > self.exponent:
            raise TooManyDecimals(f"{self.code} amounts have at most {self.exponent} decimals")
        return int(amount.scaleb(self.exponent))

    def decimal(self, minor: int) -> Decimal:
        """Minor units to a decimal with exactly the currency's decimals: 2500 → Decimal("25.00")."""
        return Decimal(minor).scaleb(-self.exponent)

    def text(self, minor: int) -> str:
        """Minor units as the API shows them: 2500 → "25.00", 2500 JPY → "2500"."""
        if self.exponent == 0:
            return str(minor)
        sign = "-" if minor < 0 else ""
        digits = str(abs(minor)).rjust(self.exponent + 1, "0")
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"


_CURRENCIES: Final = {
    code: Currency(code, exponent)
    for codes, exponent in ((_NO_DECIMALS, 0), (_TWO_DECIMALS, 2), (_THREE_DECIMALS, 3))
    for code in codes.split()
}


def codes() -> list[str]:
    """The codes of all currencies, in order."""
    return sorted(_CURRENCIES)


def currency(code: str) -> Currency:
    """The currency with this ISO 4217 code. Raises `UnknownCurrency`."""
    try:
        return _CURRENCIES[code]
    except KeyError:
        raise UnknownCurrency(f"{code!r} is not an ISO 4217 currency code that Kado knows") from None
