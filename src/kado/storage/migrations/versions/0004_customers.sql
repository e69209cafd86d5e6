-- People who own cards, and how they prove who they are. Not tenant data of a program: a customer belongs to a merchant.

CREATE TABLE customer (
    id             kado_id PRIMARY KEY,
    merchant_id    kado_id NOT NULL REFERENCES merchant,
    is_test        boolean NOT NULL,
    email          text,
    phone          text,
    name           text,
    verified_at    timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    last_login_at  timestamptz NOT NULL,
    logins         bigint NOT NULL CHECK (logins >= 1),
    CONSTRAINT customer_is_reachable CHECK (email IS NOT NULL OR phone IS NOT NULL)
);
CREATE UNIQUE INDEX customer_email ON customer (merchant_id, is_test, email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX customer_phone ON customer (merchant_id, is_test, phone) WHERE phone IS NOT NULL;
COMMENT ON TABLE customer IS 'A person who proved an email address or phone number to a merchant''s front end.';
COMMENT ON COLUMN customer.id IS 'Names the customer in the API and on cards.';
COMMENT ON COLUMN customer.merchant_id IS 'The merchant whose front end signed the person in.';
COMMENT ON COLUMN customer.is_test IS 'Signed in with a test key: owns test cards and nothing else.';
COMMENT ON COLUMN customer.email IS 'The proved address, in lower case.';
COMMENT ON COLUMN customer.phone IS 'The proved number (E.164).';
COMMENT ON COLUMN customer.name IS 'What the person said at the first sign-in.';
COMMENT ON COLUMN customer.verified_at IS 'When the address or number was proved for the first time.';
COMMENT ON COLUMN customer.created_at IS 'When the person signed in for the first time.';
COMMENT ON COLUMN customer.last_login_at IS 'When the person signed in last.';
COMMENT ON COLUMN customer.logins IS 'How often the person signed in.';

CREATE TABLE customer_otp (
    id                   kado_id PRIMARY KEY,
    merchant_id          kado_id NOT NULL REFERENCES merchant,
    is_test              boolean NOT NULL,
    target               text NOT NULL,
    channel              text NOT NULL CHECK (channel IN ('email', 'sms')),
    state                text NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    code_hash            bytea CHECK (octet_length(code_hash) = 32),
    code_version         bytea CHECK (octet_length(code_version) = 4),
    asked_at             timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    tries                integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 3),
    sendings             integer NOT NULL DEFAULT 0,
    last_error           text,
    merchant_counted_at  timestamptz,
    address_subject      bytea,
    address_counted_at   timestamptz,
    UNIQUE (merchant_id, is_test, target)
);
CREATE INDEX customer_otp_end ON customer_otp (expires_at);
COMMENT ON TABLE customer_otp IS 'One-time passwords under way: the latest of each address or number, gone when it is used.';
COMMENT ON COLUMN customer_otp.id IS 'Names this sending; another one for the same target gets another name.';
COMMENT ON COLUMN customer_otp.merchant_id IS 'To whose front end the password is good.';
COMMENT ON COLUMN customer_otp.is_test IS 'Asked for with a test key: nothing is sent.';
COMMENT ON COLUMN customer_otp.target IS 'The email address (lower case) or phone number (E.164) that is to be proved.';
COMMENT ON COLUMN customer_otp.channel IS 'By which way the password goes.';
COMMENT ON COLUMN customer_otp.state IS 'Whether it waits, left, or could not leave.';
COMMENT ON COLUMN customer_otp.code_hash IS 'Keyed HMAC of the password, which is made at the moment of sending; empty until then.';
COMMENT ON COLUMN customer_otp.code_version IS 'Which secret code_hash was made with.';
COMMENT ON COLUMN customer_otp.asked_at IS 'When it was asked for; it is not sent later than five minutes after.';
COMMENT ON COLUMN customer_otp.expires_at IS 'From this moment it proves nothing.';
COMMENT ON COLUMN customer_otp.tries IS 'How many passwords were compared with it; counted before comparing.';
COMMENT ON COLUMN customer_otp.sendings IS 'How often sending was tried.';
COMMENT ON COLUMN customer_otp.last_error IS 'Why the last try of sending failed.';
COMMENT ON COLUMN customer_otp.merchant_counted_at IS 'Which count against the merchant''s limit is taken back when the password is used.';
COMMENT ON COLUMN customer_otp.address_subject IS 'Keyed HMAC of the internet address that asked.';
COMMENT ON COLUMN customer_otp.address_counted_at IS 'Which count against that address is taken back when the password is used.';

CREATE TABLE customer_session (
    token_hash   bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    customer_id  kado_id NOT NULL REFERENCES customer ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX customer_session_customer ON customer_session (customer_id);
CREATE INDEX customer_session_end ON customer_session (expires_at);
COMMENT ON TABLE customer_session IS 'Customers who are signed in. A row that is deleted ends its session.';
COMMENT ON COLUMN customer_session.token_hash IS 'SHA-256 of the session token; the token itself is shown once and kept nowhere.';
COMMENT ON COLUMN customer_session.customer_id IS 'Who is signed in.';
COMMENT ON COLUMN customer_session.created_at IS 'Since when.';
COMMENT ON COLUMN customer_session.expires_at IS 'Until when.';

CREATE TABLE number_guess (
    number_index  bytea PRIMARY KEY CHECK (octet_length(number_index) = 32),
    wrong_at      timestamptz[] NOT NULL
);
COMMENT ON TABLE number_guess IS 'Wrong codes that came without a program, by card number, whether or not such a card exists.';
COMMENT ON COLUMN number_guess.number_index IS 'Keyed HMAC of the number alone.';
COMMENT ON COLUMN number_guess.wrong_at IS 'When the last twenty came, oldest first; those before a card''s latest resend do not count for it.';

-- The kinds are listed in the code (access/attempts.py) and grow with every limit; here only their form is held.
ALTER TABLE attempt DROP CONSTRAINT attempt_kind_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_kind_check CHECK (kind ~ '^[a-z][a-z-]{1,40}$');
COMMENT ON COLUMN attempt.subject IS 'Keyed HMAC of whom or what it concerns: an address (IPv6: its /64), an email, a merchant.';

-- A customer's own cards, whatever makes them theirs.
CREATE INDEX card_customer ON card (program_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX card_customer_email ON card (program_id, lower(customer_email)) WHERE customer_email IS NOT NULL;
CREATE INDEX card_customer_phone ON card (program_id, customer_phone) WHERE customer_phone IS NOT NULL;
