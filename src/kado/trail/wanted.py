"""Which rows of the audit log somebody wants to see, and which they may see at all. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

RESOURCE_TYPE: Final = """
    CASE a.action WHEN 'pii_access' THEN 'card' WHEN 'login_failed' THEN coalesce(a.details ->> 'who', 'staff')
         ELSE split_part(a.action, ':', 1) END"""
"""What a row is about, in SQL; `kind_of` says the same of a row that was read."""

ACTORS: Final = {
    "staff": "staff",
    "key": "key",
    "signing-key": "front_end",
    "customer": "customer",
    "holder": "holder",
    "operator": "operator",
    "system": "system",
}
"""Kinds of actors: as the log has them before the colon, and as the API names them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows: those of the merchant, and whatever was done in the programs that it owns. None: all there are.

    With `only_actor` only what this one did.
    """

    merchant_id: str | None
    program_ids: tuple[str, ...] = ()
    only_actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters; all of them hold. Ids fit exactly, names where they contain the text in whatever case."""

    merchant_id: str | None = None
    subject_id: str | None = None
    actor_id: str | None = None
    subject_name: str | None = None
    actor_name: str | None = None
    merchant_name: str | None = None
    actions: tuple[str, ...] | None = None
    resource_types: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        """So few rows may fit that looking for them by what they are about is quicker than in order of time."""
        return self.subject_id is not None or self.subject_name is not None


def kind_of(action: str, details: dict[str, object]) -> str:
    """What a row is about."""
    if action == "pii_access":
        return "card"
    if action == "login_failed":
        return str(details.get("who", "staff"))
    return action.partition(":")[0]


def conditions(scope: Scope, wanted: Wanted, values: list[object]) -> str:
    """What must be true of `audit_log a` beside whose it is; empty, or beginning with AND. Adds to the parameters."""

    def place(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    found = []
    if scope.only_actor is not None:
        found.append(f"a.actor = {place(scope.only_actor)}")
    if wanted.merchant_id is not None:
        found.append(f"a.merchant_id = {place(wanted.merchant_id)}")
    if wanted.subject_id is not None:
        found.append(f"a.subject = {place(wanted.subject_id)}")
    if wanted.actor_id is not None:
        found.append(f"a.actor = ANY({place([f'{kind}:{wanted.actor_id}' for kind in ACTORS])}::text[])")
    if wanted.actions is not None:
        found.append(f"a.action = ANY({place(list(wanted.actions))}::text[])")
    if wanted.resource_types is not None:
        found.append(f"{RESOURCE_TYPE} = ANY({place(list(wanted.resource_types))}::text[])")
    if wanted.since is not None:
        found.append(f"a.at >= {place(wanted.since)}")
    if wanted.until is not None:
        found.append(f"a.at <= {place(wanted.until)}")
    for text, column, ids in (
        (wanted.actor_name, "actor", _ACTORS_NAMED),
        (wanted.subject_name, "subject", _SUBJECTS_NAMED),
        (wanted.merchant_name, "merchant_id", _MERCHANTS_NAMED),
    ):
        if text is not None:
            here = {"text": place(text.lower()), "mine": place(scope.merchant_id), "own": place([*scope.program_ids])}
            found.append(f"a.{column} = ANY(ARRAY({ids.format(**here)}))")
    return "".join(f" AND {one}" for one in found)


def _named(column: str) -> str:
    return f"strpos(lower({column}), {{text}}::text) > 0"


# People and keys of other merchants have no names here, whatever they did in the merchant's programs.
_ACTORS_NAMED: Final = f"""
    SELECT 'staff:' || s.id FROM staff s WHERE s.merchant_id = {{mine}} AND {_named("coalesce(s.name, s.email)")}
    UNION ALL SELECT 'key:' || k.id FROM api_key k WHERE k.merchant_id = {{mine}} AND {_named("k.name")}
    UNION ALL SELECT 'customer:' || c.id FROM customer c WHERE c.merchant_id = {{mine}} AND {_named("c.name")}
    UNION ALL SELECT kind FROM (VALUES ('operator:cli', 'operator'), ('operator:demo', 'operator')) o (kind, name)
              WHERE {{own}}::text[] IS NOT NULL AND {_named("o.name")}"""

_SUBJECTS_NAMED: Final = f"""
    SELECT s.id::text FROM staff s WHERE s.merchant_id = {{mine}} AND {_named("coalesce(s.name, s.email)")}
    UNION ALL SELECT k.id FROM api_key k WHERE k.merchant_id = {{mine}} AND {_named("k.name")}
    UNION ALL SELECT c.id FROM customer c WHERE c.merchant_id = {{mine}} AND {_named("c.name")}
    UNION ALL SELECT h.id FROM shop h WHERE h.merchant_id = {{mine}} AND {_named("h.name")}
    UNION ALL SELECT p.id FROM program p WHERE p.merchant_id = {{mine}} AND {_named("p.name")}
    UNION ALL SELECT d.id FROM card d WHERE d.program_id = ANY({{own}}::text[]) AND {_named("d.customer_name")}"""

_MERCHANTS_NAMED: Final = f"""
    SELECT m.id::text FROM merchant m WHERE {_named("m.name")} AND (m.id = {{mine}} OR EXISTS (
        SELECT FROM audit_log w WHERE w.program_id = ANY({{own}}::text[]) AND w.merchant_id = m.id))"""
