\set card random(:lowest, :highest)
\set key random(1, 9000000000000000000)
WITH known AS (
    SELECT status, answer FROM idempotency_key
     WHERE program_id = 'aaaaaaaaaaaaaaaaaaaaaaaa' AND key_hash = sha256(int8send(:key))
), moved AS (
    UPDATE card SET balance = balance - 1, seq = seq + 1, updated_at = clock_timestamp()
     WHERE program_id = 'aaaaaaaaaaaaaaaaaaaaaaaa' AND id = lpad(:card::text, 24, '0') AND status = 'active'
       AND balance >= 1 AND NOT EXISTS (SELECT FROM known)
    RETURNING program_id, id, seq, balance
), written AS (
    INSERT INTO entry
    SELECT program_id, id, seq, substr(md5(:key::text), 1, 24), 'REDEMPTION', -1, balance + 1, balance,
           clock_timestamp(), repeat('b', 24), sha256(int8send(:key)) FROM moved
), kept AS (
    INSERT INTO idempotency_key
    SELECT program_id, sha256(int8send(:key)), sha256(int8send(:card)), 200,
           convert_to(format('{"giftCardId":"%s","amountRedeemed":"0.01","remainingBalance":"%s","message":"%s"}',
                             id, balance, repeat('.', 100)), 'UTF8'), clock_timestamp() FROM moved
)
SELECT balance FROM moved;
