"""The table of roles, written out a second time: a change of it must be meant."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kado import money
from kado.access.caller import Caller
from kado.access.permissions import ADMITTED, CUSTOMER, IN_CHOSEN_PROGRAMS, ROLES, SHOP_ROLES, Permission, Role
from kado.errors import Forbidden
from kado.programs.program import CodeFormat, ExpiryRule, Program
from kado.programs.reach import Reach

#                       owner manager cashier read-only network-administrator | admitted
TABLE = """
cards:read               x     x       x       x             .              x
cards:list               x     x       .       x             .              .
cards:issue              x     x       x       .             .              x
cards:activate           x     x       x       .             .              x
cards:redeem             x     x       x       .             .              x
cards:reload             x     x       x       .             .              x
cards:refund             x     x       x       .             .              x
cards:resend             x     x       x       .             .              x
cards:resend-elsewhere   x     x       .       .             .              .
cards:transfer           x     x       x       .             .              x
cards:hold               x     x       x       .             .              x
cards:consolidate        x     x       .       .             .              .
cards:replace            x     x       .       .             .              .
cards:own                x     x       .       .             .              .
cards:schedule           x     x       .       .             .              .
cards:bulk               x     x       .       .             .              .
cards:suspend            x     x       .       .             .              .
cards:void               x     x       .       .             .              .
cards:process-expired    x     x       .       .             .              .
customers:sign-in        x     x       x       .             .              x
people:read              x     x       .       .             .              .
people:write             x     x       .       .             .              .
webhooks:read            x     x       .       .             .              .
webhooks:write           x     .       .       .             .              .
merchant:settings        x     x       .       .             .              .
programs:read            x     x       x       x             .              x
programs:write           x     .       .       .             .              .
fraud:read               x     x       .       x             .              .
fraud:write              x     x       .       .             .              .
passes:read              x     x       .       x             .              .
passes:push              x     x       .       .             .              .
audit:read               x     x       x       x             .              .
audit:export             x     x       .       .             .              .
staff:read               x     x       .       .             .              .
staff:write              x     .       .       .             .              .
keys:read                x     x       .       .             .              .
keys:write               x     .       .       .             .              .
sessions:read            x     x       .       .             .              .
sessions:end             x     x       .       .             .              .
tills:read               x     x       .       .             .              .
tills:write              x     x       .       .             .              .
reports:read             x     x       .       x             .              .
reports:write            x     x       .       .             .              .
network:read             .     .       .       .             x              .
self:read                x     x       x       x             x              x
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]

PROGRAM = Program(
    id="aa" * 12,
    merchant_id="bb" * 12,
    merchant_name="Owner",
    name="Cards",
    currency=money.currency("EUR"),
    pass_type_identifier="pass.x",
    min_initial_value=1,
    max_initial_value=1,
    max_balance=1,
    max_reload=1,
    max_redeem=None,
    cashier_issue_limit=0,
    expiry_rule=ExpiryRule.NEVER,
    expiry_months=12,
    code_format=CodeFormat.DIGITS,
    number_prefix="",
    requires_key=False,
    profile={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=None,
    is_heard=False,
)


def caller(role: Role) -> Caller:
    return Caller("bb" * 12, "key:" + "cc" * 12, role, ROLES[role], is_test=False)


def test_the_table_names_every_permission_once() -> None:
    assert [row[0] for row in ROWS] == [permission.value for permission in Permission]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_roles_follow_the_table(row: list[str]) -> None:
    permission, allowed = Permission(row[0]), [mark == "x" for mark in row[1:]]
    assert [permission in ROLES[role] for role in Role] == allowed[:5]
    assert (permission in ADMITTED) is allowed[5]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_require_follows_the_callers_permissions(role: Role, permission: Permission) -> None:
    if permission in ROLES[role]:
        caller(role).require(permission)
        return
    with pytest.raises(Forbidden, match=permission.value) as refusal:
        caller(role).require(permission)
    assert refusal.value.code == "permission_denied"
    assert refusal.value.members == {"permission": permission.value}


@pytest.mark.parametrize("permission", [one for one in Permission if one is not Permission.NETWORK_READ])
def test_an_owners_key_may_do_less_in_a_program_that_only_admits_it(permission: Permission) -> None:
    owner = caller(Role.OWNER)
    owner.require_in(Reach(PROGRAM, is_owner=True), permission)
    if permission in ADMITTED:
        owner.require_in(Reach(PROGRAM, is_owner=False), permission)
        return
    with pytest.raises(Forbidden) as refusal:
        owner.require_in(Reach(PROGRAM, is_owner=False), permission)
    assert refusal.value.code == "permission_denied"


def test_a_customer_may_look_at_cards_move_their_own_and_ask_about_themselves_and_nothing_else() -> None:
    cards = ["cards:activate", "cards:consolidate", "cards:list", "cards:read", "cards:transfer"]
    assert sorted(CUSTOMER) == [*cards, "people:read", "people:write"]


def test_a_caller_without_permissions_may_do_nothing() -> None:
    nobody = replace(caller(Role.OWNER), permissions=frozenset())
    for permission in Permission:
        with pytest.raises(Forbidden):
            nobody.require(permission)


def test_a_network_administrator_looks_at_merchants_and_touches_no_money() -> None:
    assert ROLES[Role.NETWORK_ADMINISTRATOR] == {Permission.NETWORK_READ, Permission.SELF_READ}
    assert not any(Permission.NETWORK_READ in ROLES[role] for role in SHOP_ROLES)


def test_a_key_for_some_programs_enters_no_others_and_does_nothing_for_all_of_them() -> None:
    key = replace(caller(Role.OWNER), permissions=IN_CHOSEN_PROGRAMS, programs=frozenset({"dd" * 12}))
    with pytest.raises(Forbidden) as refusal:
        key.require_in(Reach(PROGRAM, is_owner=True), Permission.CARDS_READ)
    assert refusal.value.code == "program_forbidden"
    replace(key, programs=frozenset({PROGRAM.id})).require_in(Reach(PROGRAM, is_owner=True), Permission.CARDS_READ)
    beyond = {one for one in Permission if one not in IN_CHOSEN_PROGRAMS}
    assert {one.value.partition(":")[0] for one in beyond} >= {
        *("customers", "webhooks", "merchant", "staff", "keys", "sessions", "network", "programs")
    }


def test_who_lacks_a_second_factor_is_told_how_to_get_one() -> None:
    half = replace(caller(Role.OWNER), permissions=frozenset({Permission.SELF_READ}), lacks_second_factor=True)
    half.require(Permission.SELF_READ)
    with pytest.raises(Forbidden, match="/v2/token/mfa/setup") as refusal:
        half.require(Permission.CARDS_READ)
    assert refusal.value.code == "second_factor_required"
