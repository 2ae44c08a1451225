-- The secret that a webhook had before, sealed, and until when messages are signed by it, too.
ALTER TABLE webhooks ADD COLUMN former_secret BYTEA;
ALTER TABLE webhooks ADD COLUMN former_until BIGINT NOT NULL DEFAULT 0;
