"""The pages of what somebody keeps an eye on."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import IN_PROGRAM, Page, does, shows
from kado.doors.console.watch import anomalies, audit, fraud, messages, rules
from kado.doors.console.watch.audit import AUDIT

_PROGRAM: Final = "/v2/loyalty/programs/{programId}"
_CARDS: Final = "/v2/giftcards/programs/{programId}/cards"
_FRAUD: Final = "/v2/giftcards/programs/{programId}/fraud"
_ODD: Final = "/v2/giftcards/programs/{programId}/anomalies/alerts"
_LOGS: Final = "/v2/giftcards/audit-logs"
_RULES: Final = f"{IN_PROGRAM}/fraud/rules"
_RULE: Final = f"{_RULES}/{{rule_id}}"
_READ: Final = Permission.FRAUD_READ
_WRITE: Final = Permission.FRAUD_WRITE

BESIDE: Final[tuple[Page, ...]] = (
    shows(AUDIT, Permission.AUDIT_READ, audit.show, f"GET {_LOGS}"),
    does(f"{AUDIT}/export", Permission.AUDIT_EXPORT, audit.order, f"POST {_LOGS}/export"),
    shows(f"{AUDIT}/export/{{task_id}}", Permission.AUDIT_EXPORT, audit.status, f"GET {_LOGS}/export/{{task_id}}"),
    shows(
        f"{AUDIT}/export/{{task_id}}/file/{{token}}",
        Permission.AUDIT_EXPORT,
        audit.download,
        f"GET {_LOGS}/export/{{task_id}}/file/{{token}}",
    ),
)
"""Those that are about no program in particular."""

INSIDE: Final[tuple[Page, ...]] = (
    shows(f"{IN_PROGRAM}/messages", Permission.CARDS_LIST, messages.show, f"GET {_CARDS}"),
    does(
        f"{IN_PROGRAM}/messages/{{message_id}}/again",
        Permission.CARDS_RESEND,
        messages.again,
        f"POST {_CARDS}/{{cardId}}/resend-code",
    ),
    shows(f"{IN_PROGRAM}/messages/preview", Permission.PROGRAMS_READ, messages.preview, f"GET {_PROGRAM}/card"),
    shows(f"{IN_PROGRAM}/messages/preview/{{kind}}", Permission.PROGRAMS_READ, messages.alone, f"GET {_PROGRAM}/card"),
    does(f"{IN_PROGRAM}/messages/preview", Permission.PROGRAMS_WRITE, messages.test, f"PUT {_PROGRAM}"),
    shows(f"{IN_PROGRAM}/fraud", _READ, fraud.show, f"GET {_FRAUD}/alerts", f"GET {_FRAUD}/rules"),
    does(
        f"{IN_PROGRAM}/fraud/alerts/{{alert_id}}",
        _WRITE,
        fraud.acknowledge,
        f"POST {_FRAUD}/alerts/{{alert_id}}/acknowledge",
    ),
    shows(_RULES, _READ, rules.show, f"GET {_FRAUD}/rules"),
    does(_RULES, _WRITE, rules.make, f"POST {_FRAUD}/rules"),
    shows(f"{_RULES}/new", _WRITE, rules.show_new, f"POST {_FRAUD}/rules"),
    shows(f"{_RULES}/meaning", _WRITE, rules.preview, f"POST {_FRAUD}/rules"),
    shows(_RULE, _READ, rules.show_one, f"GET {_FRAUD}/rules"),
    does(_RULE, _WRITE, rules.save, f"PUT {_FRAUD}/rules/{{rule_id}}"),
    does(f"{_RULE}/switch", _WRITE, rules.switch, f"PUT {_FRAUD}/rules/{{rule_id}}"),
    shows(f"{_RULE}/delete", _WRITE, rules.show_delete, f"DELETE {_FRAUD}/rules/{{rule_id}}"),
    does(f"{_RULE}/delete", _WRITE, rules.delete, f"DELETE {_FRAUD}/rules/{{rule_id}}"),
    does(f"{IN_PROGRAM}/fraud/block", _WRITE, fraud.block, f"POST {_FRAUD}/block-ip"),
    does(f"{IN_PROGRAM}/fraud/unblock", _WRITE, fraud.unblock, f"DELETE {_FRAUD}/block-ip/{{ip}}"),
    shows(f"{IN_PROGRAM}/anomalies", _READ, anomalies.show, f"GET {_ODD}"),
    does(
        f"{IN_PROGRAM}/anomalies/{{alert_id}}", _WRITE, anomalies.acknowledge, f"POST {_ODD}/{{alert_id}}/acknowledge"
    ),
)
