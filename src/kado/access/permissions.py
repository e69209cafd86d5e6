"""What there is to be allowed, as `noun:verb`, and which role allows it. A permission that no row names is denied."""

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that a caller may do."""

    CARDS_READ = "cards:read"  # one card, by id or number
    CARDS_LIST = "cards:list"  # all cards and entries of a program: lists and searches
    CARDS_ISSUE = "cards:issue"
    CARDS_ACTIVATE = "cards:activate"
    CARDS_REDEEM = "cards:redeem"
    CARDS_RELOAD = "cards:reload"
    CARDS_REFUND = "cards:refund"
    CARDS_RESEND = "cards:resend"  # a new security code to the card's own contacts
    CARDS_RESEND_ELSEWHERE = "cards:resend-elsewhere"  # the same to an address that the caller names
    CARDS_TRANSFER = "cards:transfer"  # move a balance to another card, against the source's security code
    CARDS_HOLD = "cards:hold"  # set money aside for an order, capture it, let it go
    CARDS_CONSOLIDATE = "cards:consolidate"
    CARDS_REPLACE = "cards:replace"  # a lost card for a new one with the same money
    CARDS_OWN = "cards:own"  # give a card another owner
    CARDS_SCHEDULE = "cards:schedule"
    CARDS_BULK = "cards:bulk"  # issue by the thousand, with their codes in one file
    CARDS_SUSPEND = "cards:suspend"
    CARDS_VOID = "cards:void"
    CARDS_EXPIRED = "cards:process-expired"
    CUSTOMERS_SIGN_IN = "customers:sign-in"  # let customers prove who they are, and act for them
    PEOPLE_READ = "people:read"  # export what is known of a person, see what they agreed to
    PEOPLE_WRITE = "people:write"  # forget a person, write down what they agree to
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    MERCHANT_SETTINGS = "merchant:settings"  # how a shop looks, and which program its locations use
    PROGRAMS_READ = "programs:read"
    PROGRAMS_WRITE = "programs:write"
    FRAUD_READ = "fraud:read"  # rules, alerts, blocked addresses
    FRAUD_WRITE = "fraud:write"
    PASSES_READ = "passes:read"
    PASSES_PUSH = "passes:push"  # have wallets told anew of a card
    AUDIT_READ = "audit:read"  # who did what: everybody's where cards may be listed, else only what one did oneself
    AUDIT_EXPORT = "audit:export"
    STAFF_READ = "staff:read"  # who works here, and where they are signed in
    STAFF_WRITE = "staff:write"  # add, change and close accounts, end other people's sign-ins
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    SESSIONS_READ = "sessions:read"  # customers and tills that are signed in
    SESSIONS_END = "sessions:end"
    TILLS_READ = "tills:read"  # places, devices at counters, and who has a PIN there; for people alone
    TILLS_WRITE = "tills:write"  # make a device a till, revoke one, take a PIN away
    REPORTS_READ = "reports:read"  # figures of a program, what they are made of, and files of them
    REPORTS_WRITE = "reports:write"  # have reports sent, say that one knows of an alert about money laundering
    NETWORK_READ = "network:read"  # looks over all merchants
    SELF_READ = "self:read"  # who one is, one's own sign-ins and second factor


class Role(StrEnum):
    """What a member of staff or a key is, for its merchant; the last one, for the operator."""

    OWNER = "owner"
    MANAGER = "manager"
    CASHIER = "cashier"
    READ_ONLY = "read-only"
    NETWORK_ADMINISTRATOR = "network-administrator"


SHOP_ROLES: Final = (Role.OWNER, Role.MANAGER, Role.CASHIER, Role.READ_ONLY)
"""What an owner can make somebody, from most to least. The operator alone makes network administrators."""

_LOOKING: Final = frozenset({Permission.CARDS_READ, Permission.PROGRAMS_READ, Permission.SELF_READ})
_OWN_MERCHANT: Final = frozenset({Permission.AUDIT_READ})
_TILL: Final = frozenset(
    {
        Permission.CARDS_ISSUE,
        Permission.CARDS_ACTIVATE,
        Permission.CARDS_REDEEM,
        Permission.CARDS_RELOAD,
        Permission.CARDS_REFUND,
        Permission.CARDS_RESEND,
        Permission.CARDS_TRANSFER,
        Permission.CARDS_HOLD,
        Permission.CUSTOMERS_SIGN_IN,
    }
)

_OWNERS_ALONE: Final = frozenset(
    {Permission.PROGRAMS_WRITE, Permission.WEBHOOKS_WRITE, Permission.STAFF_WRITE, Permission.KEYS_WRITE}
)

ROLES: Final = {
    Role.OWNER: frozenset(Permission) - {Permission.NETWORK_READ},
    Role.MANAGER: frozenset(Permission) - {Permission.NETWORK_READ} - _OWNERS_ALONE,
    Role.CASHIER: _LOOKING | _OWN_MERCHANT | _TILL,
    Role.READ_ONLY: _LOOKING
    | _OWN_MERCHANT
    | {Permission.CARDS_LIST, Permission.REPORTS_READ, Permission.PASSES_READ, Permission.FRAUD_READ},
    Role.NETWORK_ADMINISTRATOR: frozenset({Permission.NETWORK_READ, Permission.SELF_READ}),
}
"""The whole table."""

LIVE_ONLY: Final = frozenset(
    {
        Permission.PROGRAMS_WRITE,
        Permission.FRAUD_WRITE,
        Permission.MERCHANT_SETTINGS,
        Permission.STAFF_READ,
        Permission.STAFF_WRITE,
        Permission.KEYS_READ,
        Permission.KEYS_WRITE,
        Permission.REPORTS_READ,
        Permission.REPORTS_WRITE,
    }
)
"""What a test key never may: there are no rules, people and keys that are for tests alone, and
test cards are in no report."""

FOR_PEOPLE: Final = frozenset({Permission.TILLS_READ, Permission.TILLS_WRITE})
"""What no key ever may, whatever its role: a device that a stolen key made a till would outlast the key."""

OF_KEYS: Final = {role: allowed - FOR_PEOPLE for role, allowed in ROLES.items()}
"""What a key of each role may at most."""

ADMITTED: Final = _LOOKING | _TILL
"""What a merchant may do at most in a program that it does not own."""

CUSTOMER: Final = frozenset(
    {
        Permission.CARDS_READ,
        Permission.CARDS_LIST,
        Permission.CARDS_ACTIVATE,
        Permission.CARDS_TRANSFER,
        Permission.CARDS_CONSOLIDATE,
        Permission.PEOPLE_READ,
        Permission.PEOPLE_WRITE,
    }
)
"""What a caller may do, all in all, while a customer's session comes with the request: on what is that customer's."""

IN_CHOSEN_PROGRAMS: Final = frozenset(
    {Permission.SELF_READ, Permission.PROGRAMS_READ, Permission.PASSES_READ, Permission.PASSES_PUSH}
    | {Permission.REPORTS_READ, Permission.REPORTS_WRITE}
    | {permission for permission in Permission if permission.value.startswith("cards:")}
)
"""What a key may do at most that enters only some of its merchant's programs: nothing that concerns all of them."""
