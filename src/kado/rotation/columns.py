"""What becomes of every column that holds a secret, or something that was made with one, when the secret key changes.

A test holds this table against the schema, so that no new column is forgotten.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Fate(StrEnum):
    """What a change of the secret key means for a column."""

    MOVED = "moved"  # `kado secret rotate` makes it anew under the current secret
    RUNS_OUT = "runs out"  # read under every configured secret until it is over by itself
    STAYS = "stays"  # cannot be made anew, since nobody knows what it was made of
    NO_KEY = "no key"  # does not depend on the secret key


class Column(NamedTuple):
    """A column's fate, and why or for how long."""

    fate: Fate
    why: str


_TOKEN: Final = Column(Fate.NO_KEY, "SHA-256 of a random token")
_CHAIN: Final = Column(Fate.NO_KEY, "SHA-256 that anybody can recompute")
_SEAL: Final = Column(Fate.NO_KEY, "a public key, or what can be checked with one; `seal_succession` keeps it believed")
_REPEATED: Final = Column(
    Fate.STAYS,
    "hash of an idempotency key in the ledger, which never changes; without its secret, a repetition that is older"
    " than KADO_ANSWER_DAYS is not recognised as one any more",
)
_ANSWER: Final = Column(Fate.RUNS_OUT, "KADO_ANSWER_DAYS after the request, since nobody knows the key that was sent")
_CODE: Final = Column(
    Fate.STAYS,
    "keyed hash of a code that nobody knows: compared under its own secret until the card ends or gets a new code"
    " (`kado secret renew-codes`)",
)
_OFFLINE: Final = Column(
    Fate.RUNS_OUT,
    "when what was taken under the allowance can be settled no more, eight days after it was granted at most",
)
_OTP: Final = Column(Fate.RUNS_OUT, "five minutes after a one-time password left")
_PIN: Final = Column(
    Fate.RUNS_OUT,
    "made anew when its owner signs in at a till; known under every configured secret meanwhile, and without its own it"
    " has to be set again",
)

COLUMNS: Final[dict[str, Column]] = {
    "card.number_sealed": Column(Fate.MOVED, "encrypted anew"),
    "card.number_index": Column(Fate.MOVED, "indexed anew; found under every configured secret meanwhile"),
    "card.key_version": Column(Fate.MOVED, "names the secret of the index"),
    "card.state_seal": Column(Fate.MOVED, "sealed anew, unless it was broken: then it stays so, to be found"),
    "card.rows_digest": Column(Fate.MOVED, "made anew, unless it was wrong: then it stays so, to be found"),
    "card.code_hash": _CODE,
    "card.code_version": _CODE,
    "card.head_hash": _CHAIN,
    "card.pass_sid": Column(Fate.NO_KEY, "128 random bits, which open nothing without a signature"),
    "card_transaction.hash": _CHAIN,
    "card_transaction.previous_hash": _CHAIN,
    "card_transaction.key_hash": _REPEATED,
    "bulk_task.key_hash": _REPEATED,
    "bulk_task.link": Column(Fate.MOVED, "encrypted anew"),
    "person_export.person": Column(Fate.MOVED, "encrypted anew"),
    "person_erasure.person": Column(Fate.MOVED, "encrypted anew"),
    "report_schedule.recipients": Column(Fate.MOVED, "encrypted anew"),
    "report_mail.recipient": Column(Fate.MOVED, "encrypted anew"),
    "picture.content": Column(Fate.NO_KEY, "a picture that everybody may see"),
    "print_run.claim": Column(Fate.NO_KEY, "a random mark of who is at it"),
    "bulk_list.content": Column(Fate.RUNS_OUT, "an hour after the list was sent; it can be sent again"),
    "verification.claim": Column(Fate.NO_KEY, "a random mark of who is at it"),
    "print_run.link": Column(Fate.RUNS_OUT, "three days after the run was ordered; a run can be ordered again"),
    "print_piece.content": Column(Fate.RUNS_OUT, "three days after the run was ordered; a run can be ordered again"),
    "bulk_task.link_expires_at": Column(Fate.NO_KEY, "a moment"),
    "bulk_task.download": Column(Fate.NO_KEY, "a random mark of who is at it"),
    "idempotency_key.key_hash": _ANSWER,
    "idempotency_key.request_hash": _ANSWER,
    "idempotency_key.answer": _ANSWER,
    "code_guess.number_index": Column(
        Fate.MOVED, "with its card, added up; of numbers that no card has, there is nothing to protect"
    ),
    "number_guess.number_index": Column(
        Fate.MOVED, "with its card, added up; of numbers that no card has, there is nothing to protect"
    ),
    "attempt.subject": Column(Fate.RUNS_OUT, "a day after the try; counted under every configured secret until then"),
    "wallet_registration.push_token": Column(Fate.MOVED, "encrypted anew"),
    "wallet_registration.device_hash": Column(Fate.NO_KEY, "SHA-256 of a random identifier"),
    "wallet_registration.token_hash": _TOKEN,
    "customer_otp.code_hash": _OTP,
    "customer_otp.code_version": _OTP,
    "customer_otp.address_subject": _OTP,
    "captcha_used.challenge": Column(Fate.NO_KEY, "SHA-256; challenges themselves are good for ten minutes"),
    "signing_key.secret": Column(Fate.MOVED, "encrypted anew"),
    "webhook.secret": Column(Fate.MOVED, "encrypted anew"),
    "webhook.previous_secret": Column(Fate.MOVED, "encrypted anew"),
    "staff_totp.secret": Column(Fate.MOVED, "encrypted anew"),
    "staff_place.place": Column(
        Fate.RUNS_OUT,
        "ninety days after a sign-in; known under every configured secret meanwhile, and without its own a stranger's "
        "place until the next sign-in",
    ),
    "shop.app_token_hash": Column(
        Fate.RUNS_OUT, "with the shop's next session; without its secret nobody can tell whether the token changed"
    ),
    "shop.app_token_version": Column(Fate.RUNS_OUT, "names the secret of the hash"),
    "ledger_seal.heads": _CHAIN,
    "ledger_seal.previous_hash": _CHAIN,
    "ledger_seal.hash": _CHAIN,
    "ledger_seal.public_key": _SEAL,
    "ledger_seal.signature": _SEAL,
    "seal_succession.old_key": _SEAL,
    "seal_succession.new_key": _SEAL,
    "seal_succession.handover": _SEAL,
    "seal_succession.recognised": _SEAL,
    "api_key.token_hash": _TOKEN,
    "customer_session.token_hash": _TOKEN,
    "staff_pending.token_hash": _TOKEN,
    "staff_recovery_code.code_hash": _TOKEN,
    "merchant_session.token_hash": _TOKEN,
    "terminal.token_hash": _TOKEN,
    "terminal_code.code_hash": _TOKEN,
    "till_session.token_hash": _TOKEN,
    "staff_pin.pin_hash": _PIN,
    "staff_pin.pin_version": _PIN,
    "offline_allowance.key_version": _OFFLINE,
    "offline_take.claim": Column(Fate.NO_KEY, "SHA-256 of what a device sent, encrypted as it was"),
    "program.code_format": Column(Fate.NO_KEY, "a rule"),
    "program.requires_key": Column(Fate.NO_KEY, "a rule"),
    "staff.password_hash": Column(Fate.NO_KEY, "Argon2id with a salt of its own"),
    "staff.tokens_valid_from": Column(Fate.NO_KEY, "a moment"),
    "merchant_session.signing_key_id": Column(Fate.NO_KEY, "an id"),
}
