-- Addresses that changes are sent to, how far each came, and what could not be sent.

CREATE TABLE webhooks (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    -- What people set, as JSON.
    body TEXT NOT NULL,
    -- What signs messages; sealed.
    secret BLOB NOT NULL,
    created BIGINT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    -- The number of the last change that was sent or passed over.
    position BIGINT NOT NULL,
    -- Attempts to send the next message that failed, and when the next one is.
    attempts BIGINT NOT NULL,
    next_attempt BIGINT NOT NULL,
    last_success BIGINT,
    -- Why the last attempt failed; empty when it did not.
    last_error TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX webhooks_due ON webhooks (is_enabled, next_attempt);

CREATE TABLE webhook_dead_letters (
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    -- The message as it was to be sent.
    message TEXT NOT NULL,
    failed BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT NOT NULL,
    -- Whether it is to be sent again.
    is_replayed BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, webhook, sequence)
);
