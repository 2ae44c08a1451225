-- Addresses that changes are sent to, how far each came, and what could not be sent.

CREATE TABLE webhooks (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    -- What people set, as JSON.
    body TEXT COLLATE "C" NOT NULL,
    -- What signs messages; sealed.
    secret BYTEA NOT NULL,
    created BIGINT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    -- The number of the last change that was sent or passed over.
    position BIGINT NOT NULL,
    -- Attempts to send the next message that failed, and when the next one is.
    attempts BIGINT NOT NULL,
    next_attempt BIGINT NOT NULL,
    last_success BIGINT,
    -- Why the last attempt failed; empty when it did not.
    last_error TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX webhooks_due ON webhooks (is_enabled, next_attempt);

CREATE TABLE webhook_dead_letters (
    tenant TEXT COLLATE "C" NOT NULL,
    webhook TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    -- The message as it was to be sent.
    message TEXT COLLATE "C" NOT NULL,
    failed BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    -- Whether it is to be sent again.
    is_replayed BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, webhook, sequence)
);
