-- The audit log says from where, and what was before and after. Every entry has its row there, under the same id.

ALTER TABLE audit_log
    ADD COLUMN address     text,
    ADD COLUMN user_agent  text,
    ADD COLUMN request_id  text,
    ADD COLUMN before      jsonb,
    ADD COLUMN after       jsonb;
CREATE INDEX audit_log_program ON audit_log (program_id, at);
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
