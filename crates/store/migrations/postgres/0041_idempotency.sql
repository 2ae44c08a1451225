-- Answers to calls that clients may send again. `status` is null while the call runs.
CREATE TABLE idempotency_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    status BIGINT,
    headers TEXT COLLATE "C",
    body BYTEA,
    PRIMARY KEY (tenant, caller, idempotency_key)
);

CREATE INDEX idempotency_keys_started ON idempotency_keys (tenant, started);
