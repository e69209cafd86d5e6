"""What the console keeps of an operation under its key: enough to tell, also a second time, how it went."""

from typing import TypeAlias

import msgspec
from msgspec import Struct, field

from kado.cards.posting import Answer, Outcome
from kado.errors import Refusal


class Done(Struct, frozen=True, tag="done"):
    """It happened: to which card, by which entry, and which card was made."""

    card_id: str
    entry_id: str | None = None
    fresh_id: str | None = None
    sent_to: str | None = None
    """Masked, where a message left."""


class Refused(Struct, frozen=True, tag="refused"):
    """It did not, and why not."""

    status: int
    code: str
    detail: str
    members: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    """The field that is to blame."""

    def again(self) -> Refusal:
        """As it was said."""
        loc = None if self.name is None else ("body", self.name)
        return _Again(self.status, self.code, self.detail, self.members, loc)


Told: TypeAlias = Done | Refused


class _Again(Refusal):
    """A refusal that was kept."""

    def __init__(
        self, status: int, code: str, detail: str, members: dict[str, str], loc: tuple[str | int, ...] | None
    ) -> None:
        super().__init__(code, detail, members=members, loc=loc)
        self.kept_status = status


def render(outcome: Outcome | Refusal) -> Answer:
    """For the posting machine: what is kept."""
    if isinstance(outcome, Refusal):
        members = {name: str(value) for name, value in outcome.members.items()}
        name = None if outcome.loc is None else str(outcome.loc[-1])
        said: Told = Refused(outcome.status, outcome.code, outcome.detail, members, name)
        return Answer(outcome.status, msgspec.json.encode(said))
    done = Done(
        card_id=outcome.card.id,
        entry_id=None if outcome.entry is None else outcome.entry.id,
        fresh_id=None if outcome.fresh is None else outcome.fresh.id,
    )
    return Answer(200, msgspec.json.encode(done))


def read(answer: Answer) -> Done:
    """What happened. Raises the refusal where it did not."""
    told: Told = msgspec.json.decode(answer.body, type=Told)
    if isinstance(told, Refused):
        raise told.again()
    return told
