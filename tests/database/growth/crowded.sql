-- A program after its first years, as far as the planner can tell: rows by the ten thousand that refer to each other,
-- with hashes that are none. What begins with @ is filled in by the test.

CREATE FUNCTION md5_id(kind text, n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
    $$ SELECT left(md5(kind || n), 24) $$;
CREATE FUNCTION moment(n bigint) RETURNS timestamptz STABLE LANGUAGE sql AS
    $$ SELECT now() - interval '20 days' + n * interval '1 minute' $$;

SET session_replication_role = replica;

INSERT INTO card (program_id, id, merchant_id, is_test, balance, initial_value, max_balance, status, seq, head_hash,
                  created_at, updated_at, activated_at, expires_at, state_seal, number_index, number_sealed, last_four,
                  key_version, pass_sid, customer_id, customer_email, customer_phone, customer_name, is_physical)
SELECT '@program', md5_id('card', n), '@merchant', false, CASE WHEN n % 3 = 0 OR n % 7 = 0 THEN 0 ELSE 5000 END, 5000, 100000,
       CASE WHEN n % 1000 = 0 THEN 'suspended' WHEN n % 7 = 0 THEN 'pending' WHEN n % 3 = 0 THEN 'depleted'
            ELSE 'active' END,
       2, sha256(int8send(n)), moment(n), moment(n), CASE WHEN n % 7 <> 0 THEN moment(n) END,
       now() + interval '1 year', substr(sha512(int8send(n)), 1, 36), sha256(int8send(-n)), sha256(int8send(n)),
       lpad((n % 10000)::text, 4, '0'), '\x00000000', '@program' || md5('pass' || n), NULL,
       CASE WHEN n % 2 = 0 THEN 'someone' || n || '@example.com' END, CASE WHEN n % 5 = 0 THEN '+4912345' || n END,
       CASE WHEN n % 2 = 0 THEN 'Someone ' || n END, false
FROM generate_series(1, @many) AS n;

INSERT INTO card_transaction (program_id, card_id, seq, id, type, amount, balance_before, balance_after, created_at,
                              reference_id, pos_transaction_id, merchant_id, key_hash, previous_hash, hash)
SELECT '@program', md5_id('card', n), seq, md5_id('entry', 10 * n + seq), CASE seq WHEN 1 THEN 'PURCHASE' ELSE 'RELOAD' END,
       CASE seq WHEN 1 THEN 0 ELSE 5000 END, 0, CASE seq WHEN 1 THEN 0 ELSE 5000 END, moment(n), 'R-' || n, 'T-' || n,
       '@merchant', sha256(int8send(10 * n + seq)), sha256(int8send(n)), sha256(int8send(n))
FROM generate_series(1, @many) AS n, generate_series(1, 2) AS seq ORDER BY n;

UPDATE seal_progress SET sealed_until = now() - interval '1 hour';
INSERT INTO turnover (program_id, dimension, value, kind, slot, entries, minor, entries_total, minor_total)
SELECT '@program', dimension, value, type, slot, entries, minor,
       sum(entries) OVER so_far, sum(minor) OVER so_far
FROM (SELECT type, date_bin('15 minutes', created_at, timestamptz '2000-01-01 00:00:00+00') AS slot, count(*) AS entries,
             sum(amount) AS minor
      FROM card_transaction WHERE created_at < now() - interval '15 days' GROUP BY 1, 2) s,
     (VALUES ('', ''), ('merchant', '@merchant'), ('design', '')) AS d (dimension, value)
WINDOW so_far AS (PARTITION BY dimension, value, type ORDER BY slot);
INSERT INTO turnover_progress (program_id, until) VALUES ('@program', now() - interval '15 days');
INSERT INTO aml_progress (program_id, until) VALUES ('@program', now() - interval '13 days');
INSERT INTO report_export (program_id, id, actor, format, wanted, expires_at)
SELECT '@program', md5_id('export', n), 'key:x', 'csv', '{}', now() + interval '1 hour' FROM generate_series(1, @many) n;
INSERT INTO report_schedule (program_id, id, merchant_id, actor, name, frequency, hour_utc, format, recipients, metrics,
                             privacy_notice, next_due_at)
VALUES ('@program', md5_id('schedule', 1), '@merchant', 'key:x', 'Books', 'daily', 0, 'csv', '\x00', '{}', false,
        now() + interval '1 day');
INSERT INTO report_mail (program_id, id, schedule_id, due_at, place, recipient, state, created_at, sent_at)
SELECT '@program', md5_id('report', n), md5_id('schedule', 1), moment(n), 0, '\x00', 'sent', moment(n), moment(n)
FROM generate_series(1, @many) AS n;

INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
SELECT program_id, key_hash, key_hash, 200, sha512(key_hash) || sha512(hash), created_at
FROM card_transaction ORDER BY sha256(hash);

INSERT INTO audit_log (id, at, merchant_id, program_id, actor, action, subject)
SELECT id, created_at, merchant_id, program_id, 'key:x', 'card:issued', card_id FROM card_transaction;

INSERT INTO card_word (program_id, card_id, place, word, shared, is_test, created_at)
SELECT program_id, id, 0, 'someone' || right(id, 6), 0, false, created_at FROM card WHERE customer_email IS NOT NULL;

INSERT INTO hold (program_id, id, card_id, merchant_id, amount, captured, status, order_reference, created_at,
                  expires_at, ended_at)
SELECT program_id, id, id, merchant_id, 100, 100, 'captured', 'order', created_at, created_at, created_at FROM card;

INSERT INTO message (program_id, id, card_id, kind, channel, recipient, state, attempts, created_at, sent_at)
SELECT program_id, id, id, 'security_code', 'email', 'someone@example.com', 'sent', 1, created_at, created_at FROM card;

INSERT INTO webhook (id, merchant_id, is_test, url, secret, enabled, hears_all)
VALUES (md5_id('webhook', 1), '@merchant', false, 'https://example.com', '\x00', true, true);
INSERT INTO gift_card_event (program_id, id, card_id, type, is_test, body, created_at, handed_out_at)
SELECT program_id, id, id, 'giftcard.created', false, '{}', created_at, created_at FROM card;
INSERT INTO webhook_delivery (program_id, id, event_id, webhook_id, state, created_at, queued_at, delivered_at)
SELECT program_id, id, id, md5_id('webhook', 1), 'delivered', created_at, created_at, created_at FROM card;

INSERT INTO attempt (kind, subject, failed_at)
SELECT 'balance-check', sha256(int8send(n)), ARRAY[now()] FROM generate_series(1, @many) AS n;
INSERT INTO code_guess (program_id, number_index, wrong_at, wrong_ever)
SELECT '@program', sha256(int8send(n)), ARRAY[now()], 1 FROM generate_series(1, @many) AS n;
INSERT INTO number_guess (number_index, wrong_at)
SELECT sha256(int8send(n)), ARRAY[now()] FROM generate_series(1, @many) AS n;
INSERT INTO captcha_used (challenge, expires_at)
SELECT sha256(int8send(n)), now() + interval '1 hour' FROM generate_series(1, @many) AS n;

INSERT INTO request_minute (program_id, minute, requests, refused, errors, auth_failures)
SELECT md5_id('program', n), date_trunc('minute', now()) - m * interval '1 minute', 1, 0, 0, 0
FROM generate_series(1, 20) AS n, generate_series(0, @many / 20) AS m;
INSERT INTO fraud_tally (program_id, series_id, is_test, subject, bucket, count, amount, hits, touched_at)
SELECT '@program', md5_id('series', 1), false, 'card:' || id, 1, 1, 1, 0, now() FROM card;
INSERT INTO fraud_watched_card (program_id, card_id, seq) SELECT program_id, id, 2 FROM card;

INSERT INTO customer (id, merchant_id, is_test, email, verified_at, created_at, last_login_at, logins)
SELECT md5_id('customer', n), '@merchant', false, 'someone' || n || '@example.com', now(), now(), now(), 1
FROM generate_series(1, @many) AS n;
INSERT INTO customer_session (token_hash, session_id, customer_id, created_at, expires_at)
SELECT sha256(int8send(n)), md5_id('session', n), md5_id('customer', n), now(), now() + interval '1 hour'
FROM generate_series(1, @many) AS n;
INSERT INTO customer_otp (id, merchant_id, is_test, target, channel, state, asked_at, expires_at)
SELECT md5_id('otp', n), '@merchant', false, 'someone' || n, 'email', 'sent', now(), now() + interval '1 hour'
FROM generate_series(1, @many) AS n;
INSERT INTO consent (id, merchant_id, is_test, customer_id, email, purposes, actor, given_at)
SELECT md5_id('consent', n), '@merchant', false, md5_id('customer', n), 'someone' || n || '@example.com',
       ARRAY['marketing'], 'key:x', now() FROM generate_series(1, @many) AS n;

INSERT INTO ledger_seal (program_id, number, sealed_at, heads, previous_hash, hash, public_key, signature)
SELECT '@program', n, moment(n), '', sha256(int8send(n)), sha256(int8send(n)), sha256(int8send(n)),
       sha512(int8send(n)) FROM generate_series(1, @many) AS n;
INSERT INTO fraud_progress (program_id, seal_number) VALUES ('@program', @many)
ON CONFLICT (program_id) DO UPDATE SET seal_number = excluded.seal_number;
UPDATE seal_progress SET sealed_until = now();
