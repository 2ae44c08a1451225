-- Answers to calls that clients may send again. `status` is null while the call runs.
CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL,
    caller TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    started BIGINT NOT NULL,
    status BIGINT,
    headers TEXT,
    body BLOB,
    PRIMARY KEY (tenant, caller, idempotency_key)
);

CREATE INDEX idempotency_keys_started ON idempotency_keys (tenant, started);
