"""How far back a reference is looked for, decided without a database: no test can wait for a day."""

from datetime import timedelta

from tests.unit.cards.conftest import NOW, MakeCard
from tests.unit.cards.test_events import a_program

from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.cards.card import TransactionType
from kado.cards.posting import Answer, Decision, EarlierEntry, Situation
from kado.cards.reverse import WITHIN, Reverse

OWNER = Caller("cc" * 12, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=False)
OTHER = "dd" * 12
TICK = timedelta(microseconds=1)


def a_sale(name: str, age: timedelta, merchant_id: str = OWNER.merchant_id) -> EarlierEntry:
    return EarlierEntry(name, TransactionType.REDEMPTION, -500, merchant_id, NOW - age)


def reversed_among(make_card: MakeCard, *sales: EarlierEntry) -> Decision:
    posting = Reverse(
        program_id="aa" * 12,
        card_id="bb" * 12,
        caller=OWNER,
        key=None,
        render=lambda _: Answer(200, b""),
        kind="pos_transaction_id",
        own_reference="17",
    )
    decision = posting.decide(Situation(make_card(), a_program(), NOW, earlier=sales))
    assert isinstance(decision, Decision)
    return decision


def test_a_sale_of_an_earlier_day_is_named_and_left_alone(make_card: MakeCard) -> None:
    decision = reversed_among(make_card, a_sale("old", WITHIN), a_sale("new", WITHIN - TICK))
    assert [entry.counterpart_id for entry in decision.entries] == ["new"]
    assert decision.left_alone == ("old",)


def test_what_another_merchant_sent_is_neither_undone_nor_named(make_card: MakeCard) -> None:
    decision = reversed_among(make_card, a_sale("old", WITHIN, OTHER), a_sale("new", TICK, OTHER))
    assert (decision.entries, decision.left_alone) == ((), ())


def test_an_old_sale_that_was_given_back_is_not_named(make_card: MakeCard) -> None:
    sale = a_sale("old", 2 * WITHIN)
    sale.undone = 500
    assert reversed_among(make_card, sale).left_alone == ()
