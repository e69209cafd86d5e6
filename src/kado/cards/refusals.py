"""Every "no" that is about a card, one function each. The order in which they are tried is part of the interface."""

from kado import clock
from kado.cards.card import Card, CardStatus
from kado.errors import NotFound, Refusal, TooMany, Unauthenticated
from kado.money import Currency


class KeyReused(Refusal):
    """The idempotency key came with another request before."""

    status = 422


class Conflicting(Refusal):
    """It cannot be done beside something else that is going on, or has happened."""

    status = 409


def card_not_found() -> NotFound:
    """No such card in this program; the same answer for a card of another program."""
    return NotFound("card_not_found", "There is no such card in this program.")


def card_expired(card: Card) -> Refusal:
    """Its time is over; what is left on it can be extended, refunded or voided by the merchant."""
    return Refusal(
        "card_expired",
        "The card has expired.",
        members={"status": CardStatus.EXPIRED.value, "expiresAt": clock.text(card.expires_at)},
    )


def card_not_active(status: CardStatus, doing: str) -> Refusal:
    """The card is in a state in which this cannot be done."""
    return Refusal("card_not_active", f"The card is {status} and cannot be {doing}.", members={"status": status.value})


def card_not_pending(status: CardStatus) -> Refusal:
    """Activation puts the value on a card once."""
    return Refusal(
        "card_not_pending",
        f"The card is {status}; only a pending card can be activated.",
        members={"status": status.value},
    )


def card_not_suspended(status: CardStatus) -> Refusal:
    """There is no suspension to lift."""
    return Refusal("card_not_suspended", f"The card is {status}, not suspended.", members={"status": status.value})


def insufficient_balance(card: Card, currency: Currency) -> Refusal:
    """There is less on the card than is asked for."""
    return Refusal(
        "insufficient_balance",
        "The card does not hold enough.",
        members={"availableBalance": currency.text(card.available)},
    )


def amount_over_limit(currency: Currency, limit: int) -> Refusal:
    """The program allows less in one go."""
    return Refusal(
        "amount_over_limit",
        f"The program allows at most {currency.text(limit)} {currency.code} at once.",
        members={"maxAmount": currency.text(limit)},
    )


def max_balance_exceeded(card: Card, amount: int, currency: Currency) -> Refusal:
    """The card would hold more than it may (contract §4.4: four amounts as JSON numbers beside the text)."""
    return Refusal(
        "max_balance_exceeded",
        "Reload would exceed maximum card balance",
        members={
            "currentBalance": currency.decimal(card.balance),
            "reloadAmount": currency.decimal(amount),
            "maxBalance": currency.decimal(card.max_balance),
            "availableReloadAmount": currency.decimal(card.max_balance - card.balance),
        },
    )


def no_recipient() -> Refusal:
    """Nowhere to send a code to."""
    return Refusal("no_recipient", "The card has neither an email address nor a phone number; give one in the request.")


def resent_too_often(seconds: int) -> TooMany:
    """New codes cost money and void old ones: three an hour and ten a day."""
    return TooMany("resend_limit_reached", "Too many new codes were asked for this card. Try again later.", seconds)


def card_is_held() -> Refusal:
    """Money of the card is set aside for an order."""
    return Refusal("card_has_holds", "The card has open holds; capture or release them first.")


def key_reused() -> KeyReused:
    """The same key with another request."""
    return KeyReused(
        "idempotency_key_reused",
        "This idempotency key was used for another request.",
        loc=("header", "idempotency-key"),
    )


def key_expired() -> KeyReused:
    """The key moved money once, so long ago that the answer is gone. It never moves money a second time."""
    return KeyReused(
        "idempotency_key_expired",
        "This idempotency key was used long ago and its answer is no longer kept; look at the card's transactions.",
        loc=("header", "idempotency-key"),
    )


def captcha_required() -> Refusal:
    """The program is being guessed at from many places; people prove that they are not part of it."""
    return Refusal("captcha_required", "Solve the challenge from /v2/giftcards/captcha and send it as captchaToken.")


def wrong_security_code() -> Unauthenticated:
    """A code was given and is not the card's."""
    return Unauthenticated("wrong_security_code", "The security code is not the card's.")


def merchant_not_admitted() -> Refusal:
    """The merchant that the card is to be issued for has nothing to do with the program."""
    return Refusal("merchant_not_admitted", "This merchant neither owns the program nor is admitted to it.")


def numbers_exhausted() -> Refusal:
    """So many of the numbers with the program's prefix are taken that drawing finds none."""
    return Refusal("numbers_exhausted", "The program has hardly any card numbers left; shorten its number prefix.")


def task_not_found() -> NotFound:
    """No such bulk issue in this program."""
    return NotFound("task_not_found", "There is no such bulk issue in this program.")


def file_not_found() -> NotFound:
    """The address of a file was wrong, has expired, or was used; nobody is told which."""
    return NotFound("file_not_found", "This link does not exist, has expired or was used; a new one can be asked for.")


def download_under_way() -> Refusal:
    """One at a time: each download makes new codes, and only one file can have the right ones."""
    return Conflicting("download_under_way", "The file is being downloaded right now; try again in half a minute.")


def task_not_ended(state: str) -> Refusal:
    """There is no file before all cards are issued."""
    return Conflicting("task_not_ended", f"The bulk issue is {state}; wait for its end.", members={"status": state})


def no_file() -> Refusal:
    """The codes went to the recipients; there is nothing to give out."""
    return Conflicting("no_file", "This bulk issue has no file.")


def cards_in_use() -> Refusal:
    """Codes on cards that hang in shops would be void from now on."""
    return Conflicting(
        "cards_in_use",
        "Cards of this bulk issue have been activated, so the codes of an earlier file are in use; "
        "resend the code of a single card instead.",
    )
