-- The audit log says from where, and what was before and after. Every entry has its row there, under the same id.

ALTER TABLE audit_log
    ADD COLUMN address     text,
    ADD COLUMN user_agent  text,
    ADD COLUMN request_id  text,
    ADD COLUMN before      jsonb,
    ADD COLUMN after       jsonb;
CREATE INDEX audit_log_program ON audit_log (program_id, at);
CREATE INDEX audit_log_subject ON audit_log (subject, at);
COMMENT ON TABLE audit_log IS 'Who did what, when and from where: money, states, codes, settings, rights, and looks at numbers. Never changed, never deleted.';
COMMENT ON COLUMN audit_log.id IS 'Names the row; that of an entry has the id of the entry, where its amount and balances stand.';
COMMENT ON COLUMN audit_log.merchant_id IS 'For which merchant: the one that acted, where one did.';
COMMENT ON COLUMN audit_log.actor IS 'Who did it, as `kind:id`: staff, key, signing-key, customer, operator or system.';
COMMENT ON COLUMN audit_log.action IS 'What was done, as `noun:verb`; `pii_access` is a look at card numbers, `login_failed` a failed sign-in.';
COMMENT ON COLUMN audit_log.address IS 'The network address it was asked for from, IPv6 as its /64; empty for the server''s own work.';
COMMENT ON COLUMN audit_log.user_agent IS 'What the client that asked called itself.';
COMMENT ON COLUMN audit_log.request_id IS 'The X-Request-Id of the request.';
COMMENT ON COLUMN audit_log.before IS 'What was changed, as it was; no secrets. Of an entry the state alone: balances stand in the entry.';
COMMENT ON COLUMN audit_log.after IS 'The same as it is since.';

CREATE TRIGGER audit_log_is_never_emptied BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION kado_refuse('audit rows are never deleted');

CREATE TABLE audit_export (
    id           kado_id PRIMARY KEY,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    actor        text NOT NULL,
    format       text NOT NULL CHECK (format IN ('csv', 'json')),
    wanted       jsonb NOT NULL,
    ordered_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ordered_in   xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON TABLE audit_export IS 'Orders for a part of the audit log as a file, which is made while it is sent. Kept for a week.';
COMMENT ON COLUMN audit_export.id IS 'Names the order in the API and in the address of the file.';
COMMENT ON COLUMN audit_export.merchant_id IS 'Whose rows they are.';
COMMENT ON COLUMN audit_export.actor IS 'Who ordered it.';
COMMENT ON COLUMN audit_export.format IS 'What kind of file.';
COMMENT ON COLUMN audit_export.wanted IS 'Which rows: the filters of the order.';
COMMENT ON COLUMN audit_export.ordered_at IS 'Rows until this moment are in the file.';
COMMENT ON COLUMN audit_export.ordered_in IS 'The file is there once all transactions that began before this one are over.';

-- Entries from before: their rows say what happened and when. Who did it was not written down.
INSERT INTO audit_log (id, at, merchant_id, program_id, actor, action, subject)
SELECT id, created_at, merchant_id, program_id, 'system:not-recorded', 'card:' || CASE type
        WHEN 'PURCHASE' THEN 'issued'
        WHEN 'ACTIVATION' THEN 'activated'
        WHEN 'RELOAD' THEN 'reloaded'
        WHEN 'REDEMPTION' THEN 'redeemed'
        WHEN 'CONSOLIDATION' THEN 'consolidated'
        WHEN 'VOID' THEN 'voided'
        WHEN 'TRANSFER_OUT' THEN 'transferred-out'
        WHEN 'TRANSFER_IN' THEN 'transferred-in'
        WHEN 'OWNERSHIP_TRANSFER' THEN 'ownership-transferred'
        WHEN 'RESEND_CODE' THEN 'code-resent'
        WHEN 'REFUND' THEN 'refunded' END, card_id
FROM card_transaction;
