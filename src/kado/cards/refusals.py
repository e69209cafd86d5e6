"""Every "no" that is about a card, one function each. The order in which they are tried is part of the interface."""

from typing import Final

from kado import clock
from kado.cards.card import Card, CardStatus, HoldStatus
from kado.errors import NotFound, Refusal, TooMany, Unauthenticated
from kado.fraud.judge import Hit
from kado.fraud.rule import RuleAction
from kado.money import Currency


class KeyReused(Refusal):
    """The idempotency key came with another request before."""

    status = 422


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


def card_is_held(card: Card) -> Refusal:
    """Money of the card is set aside for an order."""
    return Refusal(
        "card_has_holds", "The card has open holds; capture or release them first.", members={"cardId": card.id}
    )


def card_is_ended(card: Card, status: CardStatus, doing: str) -> Refusal:
    """The card is past its end: says what can be done instead, and which card took its money, if one did."""
    if status is CardStatus.EXPIRED:
        return Refusal(
            "card_expired",
            f"The card has expired and cannot be {doing}. Extend it first (process-expired with extend).",
            members={"status": status.value, "expiresAt": clock.text(card.expires_at)},
        )
    if card.successor_id is not None:
        return Refusal(
            "card_not_active",
            f"The card is voided and cannot be {doing}; its money is on card {card.successor_id}.",
            members={"status": status.value, "successorCardId": card.successor_id},
        )
    return Refusal(
        "card_not_active",
        f"The card is {status} and cannot be {doing}. Pay the amount out, or put it on another card by a reload.",
        members={"status": status.value},
    )


def card_not_expired(card: Card, status: CardStatus) -> Refusal:
    """Only an expired card is processed as one."""
    return Refusal(
        "card_not_expired",
        "The card has not expired.",
        members={"status": status.value, "expiresAt": clock.text(card.expires_at)},
    )


def transaction_not_found() -> NotFound:
    """No such entry on this card."""
    return NotFound("transaction_not_found", "There is no such transaction on this card.")


def not_refundable(kind: str) -> Refusal:
    """Only what a redemption took can be given back."""
    return Refusal(
        "transaction_not_refundable",
        f"Only a redemption can be refunded, and only while it is none that undoes a reload; this is a {kind}.",
        members={"transactionType": kind},
    )


def refund_exceeds_redemption(left: int, currency: Currency) -> Refusal:
    """More is asked back than is left of the redemption."""
    shown = currency.text(left)
    return Refusal(
        "refund_exceeds_redemption",
        f"Of this redemption {shown} {currency.code} can still be refunded.",
        members={"refundableAmount": shown},
    )


def refund_exceeds_maximum(card: Card, currency: Currency) -> Refusal:
    """The card would hold more than it may."""
    return Refusal(
        "max_balance_exceeded",
        "The refund would exceed the maximum card balance.",
        members={
            "maxBalance": currency.decimal(card.max_balance),
            "availableReloadAmount": currency.decimal(card.max_balance - card.balance),
        },
    )


def same_card() -> Refusal:
    """A transfer leads from one card to another."""
    return Refusal("same_card", "Source and destination are the same card.")


def destination_not_active(status: CardStatus) -> Refusal:
    """The card that is to receive money cannot."""
    return Refusal(
        "destination_not_active",
        f"The destination card is {status} and cannot receive a transfer.",
        members={"status": status.value},
    )


def destination_full(currency: Currency, maximum: int) -> Refusal:
    """The destination would hold more than it may. Says no word about what it holds now."""
    return Refusal(
        "destination_max_balance_exceeded",
        "The destination card would hold more than it may.",
        members={"maxBalance": currency.text(maximum)},
    )


def card_in_list(card: Card, status: CardStatus) -> Refusal:
    """One of the cards to be consolidated is not active."""
    return Refusal(
        "card_not_active",
        f"The card ending {card.last_four} is {status} and cannot be consolidated.",
        members={"status": status.value, "cardId": card.id},
    )


def card_is_empty(card: Card) -> Refusal:
    """There is nothing on one of the cards to be consolidated."""
    return Refusal(
        "card_is_empty", f"There is nothing on the card ending {card.last_four}.", members={"cardId": card.id}
    )


def different_customers() -> Refusal:
    """Money is put together for one person only."""
    return Refusal(
        "different_customers",
        "The cards do not belong to one customer: neither customerId nor email nor phone is the same on all of them.",
    )


def total_exceeds_maximum(currency: Currency, total: int, maximum: int) -> Refusal:
    """One card could not hold all of it."""
    return Refusal(
        "max_balance_exceeded",
        "The cards together hold more than one card may.",
        members={"total": currency.text(total), "maxBalance": currency.text(maximum)},
    )


def already_delivered() -> Refusal:
    """The code has left; a planned delivery can no longer be moved."""
    return Refusal("already_delivered", "The card was delivered already; send a new code with resend-code instead.")


def too_many_holds(most: int) -> Refusal:
    """Another hold would make every operation on the card slow."""
    return Refusal(
        "too_many_holds",
        f"The card has {most} open holds; capture or release some of them first.",
        members={"maxHolds": most},
    )


def hold_not_found() -> NotFound:
    """No such hold on this card, or not one of the caller's."""
    return NotFound("hold_not_found", "There is no such hold on this card.")


def hold_not_open(status: HoldStatus) -> Refusal:
    """The hold has ended."""
    return Refusal("hold_not_open", f"The hold is {status} already.", members={"status": status.value})


def capture_exceeds_hold(left: int, currency: Currency) -> Refusal:
    """More is to be captured than is held."""
    shown = currency.text(left)
    return Refusal(
        "capture_exceeds_hold",
        f"The hold sets {shown} {currency.code} aside.",
        members={"heldAmount": shown},
    )


def not_reversible(kind: str) -> Refusal:
    """Something else than a sale or a reload was sent under the reference."""
    return Refusal(
        "transaction_not_reversible",
        f"Only redemptions and reloads can be reversed by their reference; this one names a {kind}.",
        members={"transactionType": kind},
    )


def too_many_to_reverse(most: int) -> Refusal:
    """More was sent under the reference within a day than one reversal can take back."""
    return Refusal(
        "too_many_transactions",
        f"More than {most} transactions of the last day bear this reference. Refund them one by one.",
        members={"maximum": most},
    )


def already_reversed() -> Refusal:
    """The caller took this back before it arrived."""
    return Refusal(
        "already_reversed",
        "This reference was reversed before the request arrived; nothing was done. Send a new sale with a new one.",
    )


def spent_already(card: Card, amount: int, currency: Currency) -> Refusal:
    """What a reload brought is no longer there to be taken back."""
    return Refusal(
        "insufficient_balance",
        f"To take back {currency.text(amount)} {currency.code} the card does not hold enough any more.",
        members={"availableBalance": currency.text(card.available)},
    )


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


CAPTCHA_REQUIRED: Final = "captcha_required"


def captcha_required() -> Refusal:
    """The program is being guessed at from many places; people prove that they are not part of it."""
    return Refusal(CAPTCHA_REQUIRED, "Solve the challenge from /v2/giftcards/captcha and send it as captchaToken.")


def wrong_security_code() -> Unauthenticated:
    """A code was given and is not the card's."""
    return Unauthenticated("wrong_security_code", "The security code is not the card's.")


def refused_by_rule(hit: Hit) -> Refusal:
    """A rule of the program against fraud forbids it, or wants somebody to look at it first."""
    members: dict[str, object] = {"ruleId": hit.rule_id}
    if hit.action is RuleAction.REQUIRE_REVIEW:
        return Refusal("review_required", "Somebody has to look at this first; the merchant was told.", members=members)
    return Refusal("refused_by_rule", "A rule of the program forbids this; the merchant was told.", members=members)


def checked_too_often() -> TooMany:
    """The card is not sold yet, and its balance was asked for more often than the program takes for usual."""
    return TooMany("too_many_checks", "Too many checks of cards that are not active yet.", 60)


def merchant_not_admitted() -> Refusal:
    """The merchant that the card is to be issued for has nothing to do with the program."""
    return Refusal("merchant_not_admitted", "This merchant neither owns the program nor is admitted to it.")


def numbers_exhausted() -> Refusal:
    """So many of the numbers with the program's prefix are taken that drawing finds none."""
    return Refusal("numbers_exhausted", "The program has hardly any card numbers left; shorten its number prefix.")
