-- Alerts that nobody looks at end, and are known to have. Addresses in them and in what the audit log says of blocks end
-- with the time for which addresses are kept. Counts of guesses at numbers that no card has are found by their age.

ALTER TABLE fraud_alert DROP CONSTRAINT fraud_alert_status_check;
ALTER TABLE fraud_alert ADD CONSTRAINT fraud_alert_status_check
    CHECK (status IN ('open', 'acknowledged', 'false_positive', 'expired'));
CREATE INDEX fraud_alert_notes ON fraud_alert (program_id) WHERE notes IS NOT NULL;
COMMENT ON COLUMN fraud_alert.status IS 'Whether somebody has looked, and found nothing wrong; `expired` where nobody did for ninety days.';
COMMENT ON COLUMN fraud_alert.subject IS 'Whose doing, as in `fraud_tally`; of an address that is kept no longer `address:forgotten-…`.';
COMMENT ON COLUMN fraud_alert.notes IS 'What the one who looked says; empty too once a person on its cards was forgotten.';
COMMENT ON COLUMN fraud_alert.acknowledged_by IS 'The staff member, key or operator that looked; `system:time` for an expired one.';

CREATE INDEX code_guess_latest ON code_guess (program_id, (wrong_at[cardinality(wrong_at)]));
CREATE INDEX number_guess_latest ON number_guess ((wrong_at[cardinality(wrong_at)]));

-- As in 0015: what runs in the owner's name takes no temporary table of its caller's for one of ours.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE OR REPLACE FUNCTION kado_forget_addresses(since timestamptz, until timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    emptied bigint;
BEGIN
    IF until > clock_timestamp() - interval '30 days' THEN
        RAISE EXCEPTION 'kado: where audit rows came from is kept for 30 days at least' USING ERRCODE = '23001';
    END IF;
    UPDATE audit_log
       SET address = NULL, user_agent = NULL,
           before = CASE WHEN action IN ('address:blocked', 'address:unblocked')
                         THEN before - '{ipAddress,cidrRange}'::text[] ELSE before END,
           after = CASE WHEN action IN ('address:blocked', 'address:unblocked')
                        THEN after - '{ipAddress,cidrRange}'::text[] ELSE after END
     WHERE at >= since AND at < until
       AND (address IS NOT NULL OR user_agent IS NOT NULL
            OR action IN ('address:blocked', 'address:unblocked')
               AND (before ?| '{ipAddress,cidrRange}' OR after ?| '{ipAddress,cidrRange}'));
    GET DIAGNOSTICS emptied = ROW_COUNT;
    RETURN emptied;
END $$;
COMMENT ON FUNCTION kado_forget_addresses(timestamptz, timestamptz) IS
    'Empties where audit rows of a stretch of time came from and which addresses were blocked, none of them younger than 30 days; nothing else of them.';

DROP TRIGGER audit_log_never_changes ON audit_log;
CREATE TRIGGER audit_log_never_changes BEFORE UPDATE ON audit_log
    FOR EACH ROW WHEN (OLD IS NOT DISTINCT FROM NEW
                       OR coalesce(NEW.address, NEW.user_agent) IS NOT NULL
                       OR to_jsonb(OLD) - '{address,user_agent,before,after}'::text[]
                          <> to_jsonb(NEW) - '{address,user_agent,before,after}'::text[]
                       OR NEW.before IS DISTINCT FROM
                          CASE WHEN OLD.action IN ('address:blocked', 'address:unblocked')
                               THEN OLD.before - '{ipAddress,cidrRange}'::text[] ELSE OLD.before END
                       OR NEW.after IS DISTINCT FROM
                          CASE WHEN OLD.action IN ('address:blocked', 'address:unblocked')
                               THEN OLD.after - '{ipAddress,cidrRange}'::text[] ELSE OLD.after END)
    EXECUTE FUNCTION kado_refuse('audit rows are never changed or deleted');

-- Those that were passed over already.
UPDATE audit_log SET before = before - '{ipAddress,cidrRange}'::text[], after = after - '{ipAddress,cidrRange}'::text[]
 WHERE action IN ('address:blocked', 'address:unblocked')
   AND at < (SELECT addresses_until FROM retention_progress)
   AND at < clock_timestamp() - interval '30 days'
   AND (before ?| '{ipAddress,cidrRange}' OR after ?| '{ipAddress,cidrRange}');
