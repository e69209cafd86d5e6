-- What people may ask for about themselves, and what is forgotten of them.

CREATE TABLE consent (
    id           kado_id PRIMARY KEY,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    is_test      boolean NOT NULL,
    customer_id  kado_id,
    email        text,
    phone        text,
    purposes     text[] NOT NULL,
    address      text,
    actor        text NOT NULL,
    given_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    erasure_id   kado_id,
    CONSTRAINT consent_is_somebodys CHECK ((customer_id IS NULL) = (erasure_id IS NOT NULL)),
    CONSTRAINT consent_forgets_people
        CHECK (erasure_id IS NULL OR (email IS NULL AND phone IS NULL AND address IS NULL))
);
CREATE INDEX consent_customer ON consent (merchant_id, is_test, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX consent_email ON consent (merchant_id, is_test, email) WHERE email IS NOT NULL;
CREATE INDEX consent_phone ON consent (merchant_id, is_test, phone) WHERE phone IS NOT NULL;
CREATE INDEX consent_proof ON consent (given_at) WHERE erasure_id IS NOT NULL;
COMMENT ON TABLE consent IS 'What people agreed to: one row each time somebody said so, the latest one counts.';
COMMENT ON COLUMN consent.id IS 'Names the row.';
COMMENT ON COLUMN consent.merchant_id IS 'To whom it was said.';
COMMENT ON COLUMN consent.is_test IS 'Said with a test key.';
COMMENT ON COLUMN consent.customer_id IS 'The customer who said it, or an id for a person who has not signed in; empty after an erasure.';
COMMENT ON COLUMN consent.email IS 'The person''s address, in lower case.';
COMMENT ON COLUMN consent.phone IS 'The person''s number (E.164).';
COMMENT ON COLUMN consent.purposes IS 'What the person agrees to from then on; empty where everything was withdrawn.';
COMMENT ON COLUMN consent.address IS 'The internet address it was said from, as the merchant noted it.';
COMMENT ON COLUMN consent.actor IS 'The staff member, key or customer that wrote it down.';
COMMENT ON COLUMN consent.given_at IS 'When.';
COMMENT ON COLUMN consent.erasure_id IS 'The erasure after which the row tells nobody''s name: it is kept as proof for a while.';

CREATE TABLE person_export (
    id            kado_id PRIMARY KEY,
    merchant_id   kado_id NOT NULL REFERENCES merchant,
    is_test       boolean NOT NULL,
    person        bytea NOT NULL,
    format        text NOT NULL CHECK (format IN ('json', 'csv')),
    actor         text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX person_export_end ON person_export (expires_at);
COMMENT ON TABLE person_export IS 'Exports that can be downloaded: whom they are about. The file itself is made at the download.';
COMMENT ON COLUMN person_export.id IS 'The exportId.';
COMMENT ON COLUMN person_export.merchant_id IS 'Who asked for it, and alone can download it.';
COMMENT ON COLUMN person_export.is_test IS 'Asked for with a test key: about test cards and test customers.';
COMMENT ON COLUMN person_export.person IS 'Whom it is about, encrypted.';
COMMENT ON COLUMN person_export.format IS 'What the file is to be.';
COMMENT ON COLUMN person_export.actor IS 'The staff member, key, customer or operator that asked.';
COMMENT ON COLUMN person_export.requested_at IS 'When.';
COMMENT ON COLUMN person_export.expires_at IS 'From this moment there is nothing to download, and the row goes.';

CREATE TABLE person_erasure (
    id            kado_id PRIMARY KEY,
    merchant_id   kado_id NOT NULL REFERENCES merchant,
    is_test       boolean NOT NULL,
    person        bytea,
    actor         text NOT NULL,
    cards         integer NOT NULL DEFAULT 0 CHECK (cards >= 0),
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    touched_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at  timestamptz,
    CONSTRAINT person_erasure_forgets_people CHECK ((person IS NULL) = (completed_at IS NOT NULL))
);
CREATE INDEX person_erasure_unfinished ON person_erasure (touched_at) WHERE completed_at IS NULL;
COMMENT ON TABLE person_erasure IS 'Requests to forget a person, and how far they have come.';
COMMENT ON COLUMN person_erasure.id IS 'The requestId.';
COMMENT ON COLUMN person_erasure.merchant_id IS 'Who asked, and whose data is erased.';
COMMENT ON COLUMN person_erasure.is_test IS 'Asked for with a test key: about test cards and test customers.';
COMMENT ON COLUMN person_erasure.person IS 'Whom it is about, encrypted; empty once that is forgotten too.';
COMMENT ON COLUMN person_erasure.actor IS 'The staff member, key, customer or operator that asked.';
COMMENT ON COLUMN person_erasure.cards IS 'How many cards it took the person off so far.';
COMMENT ON COLUMN person_erasure.requested_at IS 'When.';
COMMENT ON COLUMN person_erasure.touched_at IS 'When it was last worked on; one that rests is taken up by the worker.';
COMMENT ON COLUMN person_erasure.completed_at IS 'When nothing was left.';

ALTER TABLE program ADD COLUMN retention_days smallint CHECK (retention_days BETWEEN 0 AND 365);
COMMENT ON COLUMN program.retention_days IS
    'How many days after a card has ended the people on it are forgotten; empty means never by itself.';

ALTER TABLE idempotency_key ADD COLUMN card_id kado_id;
COMMENT ON COLUMN idempotency_key.card_id IS 'The card that the answer is about, where no entry says so by its key_hash.';

COMMENT ON COLUMN card_transaction.description IS
    'A note; not part of the hash, so that a person can be erased: the one thing of an entry that may go.';
COMMENT ON TABLE card_transaction IS
    'The ledger: one row for each change of a balance, never changed, never deleted; only a note may be emptied.';

-- Notes may be emptied, and nothing else: of entries by this function alone, of ended holds by the server itself.
-- What runs in the owner's name must take nothing of its caller's for a table: temporary ones come first in every search
-- path that does not name their place, and a trigger on one would run in the owner's name too.

SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE FUNCTION kado_forget_notes(of_program text, of_cards text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    emptied bigint;
BEGIN
    UPDATE card_transaction SET description = NULL
     WHERE program_id = of_program AND card_id = ANY (of_cards) AND description IS NOT NULL;
    GET DIAGNOSTICS emptied = ROW_COUNT;
    RETURN emptied;
END $$;
REVOKE ALL ON FUNCTION kado_forget_notes(text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kado_forget_notes(text, text[]) IS
    'Empties the notes of the entries of these cards, which no hash covers; the server itself cannot change an entry.';

DROP TRIGGER card_transaction_is_append_only ON card_transaction;
CREATE TRIGGER card_transaction_is_append_only BEFORE DELETE ON card_transaction
    FOR EACH ROW EXECUTE FUNCTION kado_refuse('entries are never changed or deleted');
CREATE TRIGGER card_transaction_never_changes BEFORE UPDATE ON card_transaction
    FOR EACH ROW WHEN (OLD.description IS NULL OR NEW.description IS NOT NULL
                       OR to_jsonb(OLD) - 'description' <> to_jsonb(NEW) - 'description')
    EXECUTE FUNCTION kado_refuse('entries are never changed or deleted');

-- The audit log keeps its rows for good, and where they came from for a while.

CREATE TABLE retention_progress (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    addresses_until  timestamptz NOT NULL
);
INSERT INTO retention_progress (addresses_until)
SELECT coalesce(min(at), clock_timestamp()) FROM audit_log WHERE address IS NOT NULL OR user_agent IS NOT NULL;
COMMENT ON TABLE retention_progress IS 'How far forgetting has come in tables that only grow.';
COMMENT ON COLUMN retention_progress.only_row IS 'Keeps the table at one row.';
COMMENT ON COLUMN retention_progress.addresses_until IS 'Audit rows from before this moment say no more from where they came.';

CREATE FUNCTION kado_forget_addresses(since timestamptz, until timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    emptied bigint;
BEGIN
    IF until > clock_timestamp() - interval '30 days' THEN
        RAISE EXCEPTION 'kado: where audit rows came from is kept for 30 days at least' USING ERRCODE = '23001';
    END IF;
    UPDATE audit_log SET address = NULL, user_agent = NULL
     WHERE at >= since AND at < until AND (address IS NOT NULL OR user_agent IS NOT NULL);
    GET DIAGNOSTICS emptied = ROW_COUNT;
    RETURN emptied;
END $$;
REVOKE ALL ON FUNCTION kado_forget_addresses(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kado_forget_addresses(timestamptz, timestamptz) IS
    'Empties where audit rows of a stretch of time came from, none of them younger than 30 days; nothing else of them.';

DROP TRIGGER audit_log_is_append_only ON audit_log;
CREATE TRIGGER audit_log_is_append_only BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION kado_refuse('audit rows are never changed or deleted');
CREATE TRIGGER audit_log_never_changes BEFORE UPDATE ON audit_log
    FOR EACH ROW WHEN (coalesce(OLD.address, OLD.user_agent) IS NULL
                       OR coalesce(NEW.address, NEW.user_agent) IS NOT NULL
                       OR to_jsonb(OLD) - '{address,user_agent}'::text[]
                          <> to_jsonb(NEW) - '{address,user_agent}'::text[])
    EXECUTE FUNCTION kado_refuse('audit rows are never changed or deleted');

DROP TRIGGER hold_stays_ended ON hold;
CREATE TRIGGER hold_stays_ended BEFORE UPDATE ON hold
    FOR EACH ROW WHEN (OLD.status <> 'open' AND (NEW.description IS NOT NULL
                       OR to_jsonb(OLD) - 'description' <> to_jsonb(NEW) - 'description'))
    EXECUTE FUNCTION kado_refuse('a hold that ended stays as it is');

CREATE TRIGGER consent_is_append_only BEFORE UPDATE ON consent
    FOR EACH ROW WHEN (OLD.erasure_id IS NOT NULL OR NEW.erasure_id IS NULL
                       OR to_jsonb(OLD) - '{customer_id,email,phone,address,actor,erasure_id}'::text[]
                          <> to_jsonb(NEW) - '{customer_id,email,phone,address,actor,erasure_id}'::text[])
    EXECUTE FUNCTION kado_refuse('what somebody agreed to is never changed');
