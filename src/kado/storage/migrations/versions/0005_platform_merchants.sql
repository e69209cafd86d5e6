-- Shops as their till platforms know them: sessions, locations, themes.

CREATE TABLE shop (
    id                 kado_id PRIMARY KEY,
    merchant_id        kado_id NOT NULL REFERENCES merchant,
    platform           text NOT NULL CHECK (platform IN ('eposnow', 'shopify', 'clover', 'wordpress')),
    platform_id        text NOT NULL CHECK (length(platform_id) BETWEEN 1 AND 100),
    name               text CHECK (length(name) <= 255),
    app_token_hash     bytea NOT NULL CHECK (octet_length(app_token_hash) = 32),
    app_token_version  bytea NOT NULL CHECK (octet_length(app_token_version) = 4),
    theme              jsonb,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (merchant_id, platform, platform_id)
);
COMMENT ON TABLE shop IS 'A merchant''s shop on a till or shop platform, known from its first session on.';
COMMENT ON COLUMN shop.id IS 'Names the shop in the API.';
COMMENT ON COLUMN shop.merchant_id IS 'The merchant whose signing key opened its sessions.';
COMMENT ON COLUMN shop.platform IS 'The platform on which the shop runs.';
COMMENT ON COLUMN shop.platform_id IS 'The platform''s own id of the shop.';
COMMENT ON COLUMN shop.name IS 'What the platform calls the shop.';
COMMENT ON COLUMN shop.app_token_hash IS 'Keyed HMAC of the latest appToken, so that another one is noticed.';
COMMENT ON COLUMN shop.app_token_version IS 'Which secret app_token_hash was made with.';
COMMENT ON COLUMN shop.theme IS 'How the shop''s pages look; empty means the default.';
COMMENT ON COLUMN shop.created_at IS 'When its first session was opened.';

CREATE TABLE shop_location (
    shop_id        kado_id NOT NULL REFERENCES shop,
    id             text NOT NULL CHECK (length(id) <= 100),
    name           text CHECK (length(name) <= 255),
    program_id     kado_id REFERENCES program,
    first_seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (shop_id, id)
);
COMMENT ON TABLE shop_location IS 'Where a shop sells, and the program whose cards are sold there.';
COMMENT ON COLUMN shop_location.shop_id IS 'The shop.';
COMMENT ON COLUMN shop_location.id IS 'The platform''s own id of the place; empty for the shop itself, where a session named no place.';
COMMENT ON COLUMN shop_location.name IS 'What the platform calls the place.';
COMMENT ON COLUMN shop_location.program_id IS 'The program that is used there, once one was chosen.';
COMMENT ON COLUMN shop_location.first_seen_at IS 'When the first session was opened there.';
COMMENT ON COLUMN shop_location.last_seen_at IS 'When the latest session was opened there.';

CREATE TABLE merchant_session (
    id              kado_id PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    merchant_id     kado_id NOT NULL REFERENCES merchant,
    signing_key_id  kado_id NOT NULL REFERENCES signing_key,
    shop_id         kado_id NOT NULL,
    location_id     text NOT NULL,
    role            text NOT NULL CHECK (role IN ('owner', 'manager', 'cashier', 'read-only')),
    user_id         text CHECK (length(user_id) <= 100),
    cashier_id      text CHECK (length(cashier_id) <= 100),
    terminal_id     text CHECK (length(terminal_id) <= 100),
    opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at      timestamptz NOT NULL,
    FOREIGN KEY (shop_id, location_id) REFERENCES shop_location (shop_id, id)
);
CREATE INDEX merchant_session_end ON merchant_session (expires_at);
COMMENT ON TABLE merchant_session IS 'Tills at work: each was opened by a signed request and narrows the bearer it comes with.';
COMMENT ON COLUMN merchant_session.id IS 'Names the session in the audit log.';
COMMENT ON COLUMN merchant_session.token_hash IS 'SHA-256 of the session token; the token itself is shown once and kept nowhere.';
COMMENT ON COLUMN merchant_session.merchant_id IS 'Beside whose bearers the token counts.';
COMMENT ON COLUMN merchant_session.signing_key_id IS 'The key that opened it; the session ends when that key is revoked.';
COMMENT ON COLUMN merchant_session.shop_id IS 'The shop in which the till stands.';
COMMENT ON COLUMN merchant_session.location_id IS 'The place in the shop.';
COMMENT ON COLUMN merchant_session.role IS 'What may be done with it at most.';
COMMENT ON COLUMN merchant_session.user_id IS 'The platform''s id of whoever is signed in there.';
COMMENT ON COLUMN merchant_session.cashier_id IS 'Who stands at the till, for entries that do not say.';
COMMENT ON COLUMN merchant_session.terminal_id IS 'Which till it is, for entries that do not say.';
COMMENT ON COLUMN merchant_session.opened_at IS 'When it was opened.';
COMMENT ON COLUMN merchant_session.expires_at IS 'From this moment the token is refused.';
