-- The first schema. Tenant data leads every key with program_id, so that it can be spread over machines by program.
-- Ids are 24 hexadecimal characters (COLLATE "C": compared as bytes). Amounts are minor units of the program's currency.

CREATE DOMAIN kado_id AS text COLLATE "C" CHECK (VALUE ~ '^[0-9a-f]{24}$');
COMMENT ON DOMAIN kado_id IS 'An identifier: 24 lower-case hexadecimal characters.';

CREATE TABLE merchant (
    id          kado_id PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE merchant IS 'A tenant: it owns programs, staff and keys.';
COMMENT ON COLUMN merchant.id IS 'Names the merchant in the API.';
COMMENT ON COLUMN merchant.name IS 'What people call the merchant; the command line finds it by this.';
COMMENT ON COLUMN merchant.created_at IS 'When the merchant was made.';

CREATE TABLE staff (
    id                 kado_id PRIMARY KEY,
    merchant_id        kado_id NOT NULL REFERENCES merchant,
    email              text NOT NULL,
    name               text,
    password_hash      text NOT NULL,
    role               text NOT NULL CHECK (role IN ('owner', 'manager', 'cashier', 'read-only')),
    active             boolean NOT NULL DEFAULT true,
    tokens_valid_from  timestamptz NOT NULL DEFAULT '-infinity',
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX staff_email ON staff (lower(email));
CREATE INDEX staff_merchant ON staff (merchant_id);
COMMENT ON TABLE staff IS 'People who work for a merchant and sign in with a password.';
COMMENT ON COLUMN staff.id IS 'Names the person in tokens and in the audit log.';
COMMENT ON COLUMN staff.merchant_id IS 'For whom the person works.';
COMMENT ON COLUMN staff.email IS 'The name to sign in with; unique without regard to case.';
COMMENT ON COLUMN staff.name IS 'What colleagues call the person.';
COMMENT ON COLUMN staff.password_hash IS 'Argon2id.';
COMMENT ON COLUMN staff.role IS 'What the person may do.';
COMMENT ON COLUMN staff.active IS 'False ends all access within a minute.';
COMMENT ON COLUMN staff.tokens_valid_from IS 'Tokens issued before this moment are no longer accepted.';
COMMENT ON COLUMN staff.created_at IS 'When the account was made.';

CREATE TABLE api_key (
    id           kado_id PRIMARY KEY,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    is_test      boolean NOT NULL,
    role         text NOT NULL CHECK (role IN ('owner', 'manager', 'cashier', 'read-only')),
    scopes       text[] NOT NULL DEFAULT '{}',
    name         text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at   timestamptz
);
CREATE INDEX api_key_merchant ON api_key (merchant_id);
COMMENT ON TABLE api_key IS 'Keys with which tills and sites call the API as a merchant.';
COMMENT ON COLUMN api_key.id IS 'Names the key when it is revoked.';
COMMENT ON COLUMN api_key.merchant_id IS 'On whose behalf the key acts.';
COMMENT ON COLUMN api_key.token_hash IS 'SHA-256 of the key; the key itself is shown once and kept nowhere.';
COMMENT ON COLUMN api_key.is_test IS 'A test key issues test cards and sees nothing else.';
COMMENT ON COLUMN api_key.role IS 'What the key may do at most.';
COMMENT ON COLUMN api_key.scopes IS 'Narrows the role to these permissions; empty means all that the role allows.';
COMMENT ON COLUMN api_key.name IS 'A note of its owner, such as where it is used.';
COMMENT ON COLUMN api_key.created_at IS 'When the key was made.';
COMMENT ON COLUMN api_key.revoked_at IS 'From this moment the key is refused (within a minute).';

CREATE TABLE signing_key (
    id           kado_id PRIMARY KEY,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    secret       bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at   timestamptz
);
CREATE INDEX signing_key_merchant ON signing_key (merchant_id);
COMMENT ON TABLE signing_key IS 'Keys with which a merchant''s trusted front end signs requests.';
COMMENT ON COLUMN signing_key.id IS 'The keyId of a signature.';
COMMENT ON COLUMN signing_key.merchant_id IS 'Whose front end signs.';
COMMENT ON COLUMN signing_key.secret IS 'The shared secret, encrypted.';
COMMENT ON COLUMN signing_key.created_at IS 'When the key was made.';
COMMENT ON COLUMN signing_key.revoked_at IS 'From this moment signatures made with it are refused (within a minute).';

CREATE TABLE program (
    id                       kado_id PRIMARY KEY,
    merchant_id              kado_id NOT NULL REFERENCES merchant,
    name                     text NOT NULL,
    currency                 text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    pass_type_identifier     text NOT NULL,
    min_initial_value        bigint NOT NULL CHECK (min_initial_value >= 1),
    max_initial_value        bigint NOT NULL CHECK (max_initial_value >= min_initial_value),
    max_balance              bigint NOT NULL CHECK (max_balance >= max_initial_value),
    max_reload               bigint NOT NULL CHECK (max_reload >= 1),
    max_redeem               bigint CHECK (max_redeem >= 1),
    cashier_issue_limit      bigint NOT NULL CHECK (cashier_issue_limit >= 0),
    expiry_rule              text NOT NULL CHECK (expiry_rule IN ('after_issue', 'after_reload', 'never')),
    expiry_months            integer NOT NULL CHECK (expiry_months BETWEEN 1 AND 60),
    code_format              text NOT NULL CHECK (code_format IN ('digits', 'letters')),
    number_prefix            text NOT NULL CHECK (number_prefix ~ '^[0-9]{0,8}$'),
    requires_key             boolean NOT NULL,
    profile                  jsonb NOT NULL DEFAULT '{}',
    created_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at               timestamptz
);
CREATE INDEX program_merchant_id ON program (merchant_id);
COMMENT ON TABLE program IS 'A set of rules and a currency under which a merchant issues cards.';
COMMENT ON COLUMN program.id IS 'Leads every key of the program''s data.';
COMMENT ON COLUMN program.merchant_id IS 'The owner.';
COMMENT ON COLUMN program.name IS 'What people call the program.';
COMMENT ON COLUMN program.currency IS 'ISO 4217 code of all its amounts; never changes.';
COMMENT ON COLUMN program.pass_type_identifier IS 'The wallet pass type of its cards.';
COMMENT ON COLUMN program.min_initial_value IS 'The least a card may be issued for.';
COMMENT ON COLUMN program.max_initial_value IS 'The most a card may be issued for.';
COMMENT ON COLUMN program.max_balance IS 'The most a new card may hold; copied to the card at issue.';
COMMENT ON COLUMN program.max_reload IS 'The most one reload may add.';
COMMENT ON COLUMN program.max_redeem IS 'The most one redemption may take; empty means no limit but the balance.';
COMMENT ON COLUMN program.cashier_issue_limit IS 'The most a cashier may issue or activate a card for.';
COMMENT ON COLUMN program.expiry_rule IS 'From when the life of a card is counted, or that it never ends.';
COMMENT ON COLUMN program.expiry_months IS 'How many calendar months a card lives.';
COMMENT ON COLUMN program.code_format IS 'Whether security codes are six digits or six unambiguous letters and digits.';
COMMENT ON COLUMN program.number_prefix IS 'How its card numbers begin.';
COMMENT ON COLUMN program.requires_key IS 'Whether calls that move money must bring an idempotency key.';
COMMENT ON COLUMN program.profile IS 'What the contract lets a program say about itself (description, address, terms ...).';
COMMENT ON COLUMN program.created_at IS 'When the program was made.';
COMMENT ON COLUMN program.updated_at IS 'When its rules or profile last changed.';

CREATE TABLE program_admission (
    program_id   kado_id NOT NULL REFERENCES program,
    merchant_id  kado_id NOT NULL REFERENCES merchant,
    admitted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (program_id, merchant_id)
);
COMMENT ON TABLE program_admission IS 'Merchants beside the owner whose tills issue and accept a program''s cards.';
COMMENT ON COLUMN program_admission.program_id IS 'The program.';
COMMENT ON COLUMN program_admission.merchant_id IS 'Who is admitted to it.';
COMMENT ON COLUMN program_admission.admitted_at IS 'Since when.';

CREATE TABLE card (
    program_id        kado_id NOT NULL REFERENCES program,
    id                kado_id NOT NULL,
    merchant_id       kado_id NOT NULL REFERENCES merchant,
    is_test           boolean NOT NULL,
    balance           bigint NOT NULL,
    held              bigint NOT NULL DEFAULT 0,
    initial_value     bigint NOT NULL CHECK (initial_value >= 0),
    max_balance       bigint NOT NULL,
    status            text NOT NULL
                      CHECK (status IN ('pending', 'active', 'suspended', 'expired', 'voided', 'depleted')),
    seq               bigint NOT NULL CHECK (seq >= 1),
    head_hash         bytea NOT NULL CHECK (octet_length(head_hash) = 32),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    activated_at      timestamptz,
    expires_at        timestamptz NOT NULL,
    suspended_at      timestamptz,
    suspended_until   timestamptz,
    suspended_reason  text,
    voided_at         timestamptz,
    state_seal        bytea NOT NULL CHECK (octet_length(state_seal) = 36),
    number_index      bytea NOT NULL CHECK (octet_length(number_index) = 32),
    number_sealed     bytea NOT NULL,
    last_four         text NOT NULL,
    key_version       bytea NOT NULL CHECK (octet_length(key_version) = 4),
    code_hash         bytea CHECK (octet_length(code_hash) = 32),
    code_version      bytea CHECK (octet_length(code_version) = 4),
    codes_sent_at     timestamptz[] NOT NULL DEFAULT '{}',
    pass_sid          text COLLATE "C" NOT NULL CHECK (pass_sid ~ '^[0-9a-f]{56}$'),
    customer_id       kado_id,
    customer_email    text,
    customer_phone    text,
    customer_name     text,
    sender_name       text,
    custom_message    text,
    design_template   text,
    is_physical       boolean NOT NULL,
    deliver_at        timestamptz,
    delivered_at      timestamptz,
    PRIMARY KEY (program_id, id),
    UNIQUE (program_id, number_index),
    UNIQUE (program_id, pass_sid),
    CONSTRAINT card_balance_within_bounds CHECK (balance >= 0 AND balance <= max_balance),
    CONSTRAINT card_held_within_balance CHECK (held >= 0 AND held <= balance),
    CONSTRAINT card_voided_is_empty CHECK (voided_at IS NULL OR balance = 0),
    CONSTRAINT card_pending_is_empty CHECK (activated_at IS NOT NULL OR balance = 0)
) WITH (fillfactor = 70);
CREATE INDEX card_expiring ON card (program_id, expires_at) WHERE status NOT IN ('expired', 'voided');
CREATE INDEX card_suspension_ending ON card (program_id, suspended_until)
    WHERE status = 'suspended' AND suspended_until IS NOT NULL;
COMMENT ON TABLE card IS 'A gift card as it stands now; how it came to that is in card_transaction.';
COMMENT ON COLUMN card.program_id IS 'The program whose rules and currency it has.';
COMMENT ON COLUMN card.id IS 'Names the card in the API.';
COMMENT ON COLUMN card.merchant_id IS 'The merchant for whom it was issued.';
COMMENT ON COLUMN card.is_test IS 'Made with a test key: never in a report, never spendable with a live key.';
COMMENT ON COLUMN card.balance IS 'What it is worth: the sum of its entries'' amounts.';
COMMENT ON COLUMN card.held IS 'How much of the balance is set aside for orders that are not captured yet.';
COMMENT ON COLUMN card.initial_value IS 'What activation puts on it.';
COMMENT ON COLUMN card.max_balance IS 'The most it may ever hold, copied from the program at issue.';
COMMENT ON COLUMN card.status IS 'What the facts beside it meant when they last changed; time alone may have moved on.';
COMMENT ON COLUMN card.seq IS 'The sequence number of its last entry.';
COMMENT ON COLUMN card.head_hash IS 'The hash of its last entry.';
COMMENT ON COLUMN card.created_at IS 'When it was issued.';
COMMENT ON COLUMN card.updated_at IS 'When anything about it last changed.';
COMMENT ON COLUMN card.activated_at IS 'When its value was put on it; empty while it is pending.';
COMMENT ON COLUMN card.expires_at IS 'From this moment it cannot be spent; 9999-12-31 means never.';
COMMENT ON COLUMN card.suspended_at IS 'When it was suspended, if it is.';
COMMENT ON COLUMN card.suspended_until IS 'When the suspension ends by itself; empty means it does not.';
COMMENT ON COLUMN card.suspended_reason IS 'Why it was suspended.';
COMMENT ON COLUMN card.voided_at IS 'When it was voided; it stays so for ever.';
COMMENT ON COLUMN card.state_seal IS 'Key version and HMAC over program, expiry, suspension, activation, void and maximum: an edit past Kado shows.';
COMMENT ON COLUMN card.number_index IS 'Keyed HMAC of the card number, to find the card by it.';
COMMENT ON COLUMN card.number_sealed IS 'The card number, encrypted.';
COMMENT ON COLUMN card.last_four IS 'The last four characters of the card number.';
COMMENT ON COLUMN card.key_version IS 'Which secret number_index was made with.';
COMMENT ON COLUMN card.code_hash IS 'Keyed HMAC of the security code; empty while none is valid.';
COMMENT ON COLUMN card.code_version IS 'Which secret code_hash was made with.';
COMMENT ON COLUMN card.codes_sent_at IS 'When new codes were asked for lately, newest last, for the limits on that.';
COMMENT ON COLUMN card.pass_sid IS 'The serial number of its wallet pass: the program''s id and 128 random bits.';
COMMENT ON COLUMN card.customer_id IS 'The customer who owns it, if known.';
COMMENT ON COLUMN card.customer_email IS 'Where mail about it goes.';
COMMENT ON COLUMN card.customer_phone IS 'Where text messages about it go (E.164).';
COMMENT ON COLUMN card.customer_name IS 'Who received it.';
COMMENT ON COLUMN card.sender_name IS 'Who gave it.';
COMMENT ON COLUMN card.custom_message IS 'What the sender wanted to say.';
COMMENT ON COLUMN card.design_template IS 'The name of its design.';
COMMENT ON COLUMN card.is_physical IS 'Whether it exists as plastic or paper.';
COMMENT ON COLUMN card.deliver_at IS 'When it is to be delivered; empty means at once.';
COMMENT ON COLUMN card.delivered_at IS 'When its first code left for its recipient.';

CREATE TABLE card_transaction (
    program_id          kado_id NOT NULL,
    card_id             kado_id NOT NULL,
    seq                 bigint NOT NULL CHECK (seq >= 1),
    id                  kado_id NOT NULL,
    type                text NOT NULL CHECK (type IN (
                            'PURCHASE', 'ACTIVATION', 'RELOAD', 'REDEMPTION', 'CONSOLIDATION', 'VOID', 'TRANSFER_OUT',
                            'TRANSFER_IN', 'OWNERSHIP_TRANSFER', 'RESEND_CODE', 'REFUND')),
    amount              bigint NOT NULL,
    balance_before      bigint NOT NULL CHECK (balance_before >= 0),
    balance_after       bigint NOT NULL CHECK (balance_after >= 0),
    created_at          timestamptz NOT NULL,
    reference_id        text,
    pos_transaction_id  text,
    cashier_id          text,
    terminal_id         text,
    merchant_id         kado_id NOT NULL,
    description         text,
    key_hash            bytea CHECK (octet_length(key_hash) = 32),
    previous_hash       bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash                bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (program_id, card_id, seq),
    UNIQUE (program_id, id),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id),
    CONSTRAINT card_transaction_adds_up CHECK (balance_after = balance_before + amount),
    CONSTRAINT card_transaction_sign CHECK (CASE
        WHEN type IN ('ACTIVATION', 'RELOAD', 'REFUND', 'TRANSFER_IN') THEN amount > 0
        WHEN type IN ('REDEMPTION', 'TRANSFER_OUT') THEN amount < 0
        WHEN type = 'VOID' THEN amount <= 0
        WHEN type = 'CONSOLIDATION' THEN amount <> 0
        ELSE amount = 0 END)
);
CREATE UNIQUE INDEX card_transaction_key ON card_transaction (program_id, key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX card_transaction_reference ON card_transaction (program_id, card_id, reference_id)
    WHERE reference_id IS NOT NULL;
CREATE INDEX card_transaction_time ON card_transaction USING brin (created_at) WITH (autosummarize = on);
COMMENT ON TABLE card_transaction IS 'The ledger: one row for each change of a balance, never changed, never deleted.';
COMMENT ON COLUMN card_transaction.program_id IS 'The program of the card.';
COMMENT ON COLUMN card_transaction.card_id IS 'The card whose history it is part of.';
COMMENT ON COLUMN card_transaction.seq IS 'Its place in the card''s history: 1, 2, 3 ... without a gap.';
COMMENT ON COLUMN card_transaction.id IS 'Names the entry in the API.';
COMMENT ON COLUMN card_transaction.type IS 'What happened, in the contract''s words.';
COMMENT ON COLUMN card_transaction.amount IS 'By how much the balance changed; negative takes away.';
COMMENT ON COLUMN card_transaction.balance_before IS 'The balance on which it was decided.';
COMMENT ON COLUMN card_transaction.balance_after IS 'The balance that followed.';
COMMENT ON COLUMN card_transaction.created_at IS 'When it was decided, by the database''s clock.';
COMMENT ON COLUMN card_transaction.reference_id IS 'The caller''s own reference.';
COMMENT ON COLUMN card_transaction.pos_transaction_id IS 'The till''s number of the sale.';
COMMENT ON COLUMN card_transaction.cashier_id IS 'Who stood at the till.';
COMMENT ON COLUMN card_transaction.terminal_id IS 'Which till it was.';
COMMENT ON COLUMN card_transaction.merchant_id IS 'The merchant whose token was used.';
COMMENT ON COLUMN card_transaction.description IS 'A note; not part of the hash, so that a person can be erased.';
COMMENT ON COLUMN card_transaction.key_hash IS 'HMAC of the idempotency key: one key never makes two entries, however late.';
COMMENT ON COLUMN card_transaction.previous_hash IS 'The hash of the entry before it; zeros for the first.';
COMMENT ON COLUMN card_transaction.hash IS 'SHA-256 over its facts and previous_hash.';

CREATE TABLE idempotency_key (
    program_id    kado_id NOT NULL REFERENCES program,
    key_hash      bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    request_hash  bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status        smallint NOT NULL,
    answer        bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (program_id, key_hash)
);
CREATE INDEX idempotency_key_time ON idempotency_key USING brin (created_at) WITH (autosummarize = on);
COMMENT ON TABLE idempotency_key IS 'Answers already given, written in the same transaction as what they report.';
COMMENT ON COLUMN idempotency_key.program_id IS 'The program in whose scope the key was used.';
COMMENT ON COLUMN idempotency_key.key_hash IS 'Keyed HMAC of scope and key.';
COMMENT ON COLUMN idempotency_key.request_hash IS 'Keyed HMAC of what was asked and by whom.';
COMMENT ON COLUMN idempotency_key.status IS 'The HTTP status of the answer.';
COMMENT ON COLUMN idempotency_key.answer IS 'The body of the answer, encrypted (it may hold a card number).';
COMMENT ON COLUMN idempotency_key.created_at IS 'When the answer was given; it is kept for weeks.';

CREATE TABLE ledger_seal (
    program_id     kado_id NOT NULL REFERENCES program,
    number         bigint NOT NULL CHECK (number >= 1),
    sealed_at      timestamptz NOT NULL,
    heads          bytea NOT NULL,
    previous_hash  bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
    public_key     bytea NOT NULL CHECK (octet_length(public_key) = 32),
    signature      bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (program_id, number)
);
COMMENT ON TABLE ledger_seal IS 'Signed lists of the latest entries of cards: a cut or rewritten history contradicts them.';
COMMENT ON COLUMN ledger_seal.program_id IS 'The program whose cards are sealed.';
COMMENT ON COLUMN ledger_seal.number IS 'Its place among the program''s seals: 1, 2, 3 ... without a gap.';
COMMENT ON COLUMN ledger_seal.sealed_at IS 'When it was signed.';
COMMENT ON COLUMN ledger_seal.heads IS 'For each card: id (12 bytes), sequence number (8, big-endian), hash of that entry (32).';
COMMENT ON COLUMN ledger_seal.previous_hash IS 'The hash of the seal before it; zeros for the first.';
COMMENT ON COLUMN ledger_seal.hash IS 'SHA-256 over program, number, time, previous hash and heads.';
COMMENT ON COLUMN ledger_seal.public_key IS 'The Ed25519 key that the signature belongs to.';
COMMENT ON COLUMN ledger_seal.signature IS 'Ed25519 over hash.';

CREATE TABLE seal_progress (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed_until  timestamptz NOT NULL
);
INSERT INTO seal_progress (sealed_until) VALUES ('-infinity');
COMMENT ON TABLE seal_progress IS 'How far sealing has come.';
COMMENT ON COLUMN seal_progress.only_row IS 'Keeps the table at one row.';
COMMENT ON COLUMN seal_progress.sealed_until IS 'Every entry committed before this moment is covered by a seal.';

CREATE TABLE code_guess (
    program_id    kado_id NOT NULL REFERENCES program,
    number_index  bytea NOT NULL CHECK (octet_length(number_index) = 32),
    wrong_at      timestamptz[] NOT NULL DEFAULT '{}',
    wrong_ever    integer NOT NULL DEFAULT 0 CHECK (wrong_ever >= 0),
    PRIMARY KEY (program_id, number_index)
);
COMMENT ON TABLE code_guess IS 'Wrong security codes by card number, whether or not such a card exists.';
COMMENT ON COLUMN code_guess.program_id IS 'The program that was asked.';
COMMENT ON COLUMN code_guess.number_index IS 'Keyed HMAC of the number that was tried.';
COMMENT ON COLUMN code_guess.wrong_at IS 'When wrong codes came lately, oldest first.';
COMMENT ON COLUMN code_guess.wrong_ever IS 'How many wrong codes there were since the present code was made.';

CREATE TABLE attempt (
    kind       text NOT NULL CHECK (kind IN ('balance-check', 'login-address', 'login-email')),
    subject    bytea NOT NULL,
    failed_at  timestamptz[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE attempt IS 'Failed tries by where they came from or whom they concerned, for the limits on them.';
COMMENT ON COLUMN attempt.kind IS 'What was tried and what the subject is.';
COMMENT ON COLUMN attempt.subject IS 'Keyed HMAC of the address (IPv6: its /64) or of the email.';
COMMENT ON COLUMN attempt.failed_at IS 'When tries failed in the last day, oldest first.';

CREATE TABLE check_rate (
    program_id  kado_id NOT NULL REFERENCES program,
    minute      timestamptz NOT NULL,
    failed      bigint NOT NULL,
    PRIMARY KEY (program_id, minute)
);
COMMENT ON TABLE check_rate IS 'Failed balance checks of a program by minute, to notice an attack that no single address shows.';
COMMENT ON COLUMN check_rate.program_id IS 'The program that was asked.';
COMMENT ON COLUMN check_rate.minute IS 'The minute.';
COMMENT ON COLUMN check_rate.failed IS 'How many checks failed in it.';

CREATE TABLE captcha_used (
    challenge   bytea PRIMARY KEY,
    expires_at  timestamptz NOT NULL
);
COMMENT ON TABLE captcha_used IS 'Solved challenges, so that each solution counts once.';
COMMENT ON COLUMN captcha_used.challenge IS 'SHA-256 of the challenge''s signature.';
COMMENT ON COLUMN captcha_used.expires_at IS 'After this the challenge is refused anyway and the row may go.';

CREATE TABLE message (
    program_id       kado_id NOT NULL,
    id               kado_id NOT NULL,
    card_id          kado_id NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('security_code', 'code_sent_elsewhere')),
    channel          text NOT NULL CHECK (channel IN ('email', 'sms')),
    recipient        text NOT NULL,
    sender_name      text,
    custom_message   text,
    state            text NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'superseded')),
    attempts         integer NOT NULL DEFAULT 0,
    last_error       text,
    created_at       timestamptz NOT NULL,
    next_attempt_at  timestamptz,
    sent_at          timestamptz,
    PRIMARY KEY (program_id, id),
    FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id)
);
CREATE INDEX message_card ON message (program_id, card_id);
CREATE INDEX message_unsent ON message (program_id, created_at) WHERE state IN ('queued', 'failed');
COMMENT ON TABLE message IS 'Mails and text messages: what must leave, what left, what could not.';
COMMENT ON COLUMN message.program_id IS 'The program of the card.';
COMMENT ON COLUMN message.id IS 'Names the message for the operator.';
COMMENT ON COLUMN message.card_id IS 'The card it is about.';
COMMENT ON COLUMN message.kind IS 'What it says; a security code is made at the moment of sending and stands nowhere before.';
COMMENT ON COLUMN message.channel IS 'By which way it goes.';
COMMENT ON COLUMN message.recipient IS 'The address or number it goes to.';
COMMENT ON COLUMN message.sender_name IS 'Who the recipient is told it is from.';
COMMENT ON COLUMN message.custom_message IS 'The sender''s own words.';
COMMENT ON COLUMN message.state IS 'Whether it waits, left, was given up, or a newer one took its place.';
COMMENT ON COLUMN message.attempts IS 'How often sending was tried.';
COMMENT ON COLUMN message.last_error IS 'Why the last try failed.';
COMMENT ON COLUMN message.created_at IS 'When what it reports happened.';
COMMENT ON COLUMN message.next_attempt_at IS 'When it is tried (again).';
COMMENT ON COLUMN message.sent_at IS 'When the mail server or provider took it.';

CREATE TABLE audit_log (
    id           kado_id PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    merchant_id  kado_id,
    program_id   kado_id,
    actor        text NOT NULL,
    action       text NOT NULL,
    subject      text,
    details      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_merchant ON audit_log (merchant_id, at);
COMMENT ON TABLE audit_log IS 'Who changed what beside the money: rights, settings, states. Never changed, never deleted.';
COMMENT ON COLUMN audit_log.id IS 'Names the row.';
COMMENT ON COLUMN audit_log.at IS 'When.';
COMMENT ON COLUMN audit_log.merchant_id IS 'For which merchant.';
COMMENT ON COLUMN audit_log.program_id IS 'In which program, if in one.';
COMMENT ON COLUMN audit_log.actor IS 'The staff member, key or operator that did it.';
COMMENT ON COLUMN audit_log.action IS 'What was done, as `noun:verb`.';
COMMENT ON COLUMN audit_log.subject IS 'The id of what it was done to.';
COMMENT ON COLUMN audit_log.details IS 'Facts that explain it; no secrets.';

-- Second lines of defence, where the engine has triggers. The first line is the posting machine, the base the grants.

CREATE FUNCTION kado_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'kado: % on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = '23001';
END $$;

CREATE TRIGGER card_transaction_is_append_only BEFORE UPDATE OR DELETE ON card_transaction
    FOR EACH ROW EXECUTE FUNCTION kado_refuse('entries are never changed or deleted');
CREATE TRIGGER card_transaction_is_never_emptied BEFORE TRUNCATE ON card_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION kado_refuse('entries are never deleted');
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION kado_refuse('audit rows are never changed or deleted');
CREATE TRIGGER card_stays_voided BEFORE UPDATE ON card
    FOR EACH ROW WHEN (OLD.voided_at IS NOT NULL AND (NEW.voided_at IS NULL OR NEW.balance <> OLD.balance))
    EXECUTE FUNCTION kado_refuse('a voided card stays voided');
CREATE TRIGGER card_balance_moves_by_entries BEFORE UPDATE ON card
    FOR EACH ROW WHEN (NEW.balance <> OLD.balance AND NEW.seq <= OLD.seq)
    EXECUTE FUNCTION kado_refuse('a balance changes only together with an entry');
CREATE TRIGGER card_stays_activated BEFORE UPDATE ON card
    FOR EACH ROW WHEN (OLD.activated_at IS NOT NULL AND NEW.activated_at IS DISTINCT FROM OLD.activated_at)
    EXECUTE FUNCTION kado_refuse('an activation is never taken back');
