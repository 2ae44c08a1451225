-- Actions on devices, and the devices that take them. Entities as in the first migration.

CREATE TABLE machine_actions (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C",
    scope TEXT COLLATE "C",
    requestor TEXT COLLATE "C" NOT NULL,
    requestor_comment TEXT COLLATE "C" NOT NULL,
    request_source TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    machine_id TEXT COLLATE "C" NOT NULL,
    computer_dns_name TEXT COLLATE "C",
    creation_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    cancellation_requestor TEXT COLLATE "C",
    cancellation_comment TEXT COLLATE "C",
    cancellation_time BIGINT,
    error_h_result BIGINT NOT NULL,
    external_id TEXT COLLATE "C",
    troubleshoot_info TEXT COLLATE "C",
    -- Who asked, as an id that does not change.
    actor TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX machine_actions_updated ON machine_actions (tenant, updated_sequence);
CREATE INDEX machine_actions_creation ON machine_actions (tenant, creation_time, id);
CREATE INDEX machine_actions_last_update ON machine_actions (tenant, last_update_time, id);
CREATE INDEX machine_actions_machine ON machine_actions (tenant, machine_id, creation_time, id);
CREATE INDEX machine_actions_status ON machine_actions (tenant, status, creation_time, id);

-- A request under its idempotency key, and the action it made.
CREATE TABLE action_requests (
    tenant TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, idempotency_key)
);

CREATE TABLE investigations (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    start_time BIGINT,
    end_time BIGINT,
    state TEXT COLLATE "C" NOT NULL,
    cancelled_by TEXT COLLATE "C",
    status_details TEXT COLLATE "C",
    machine_id TEXT COLLATE "C" NOT NULL,
    computer_dns_name TEXT COLLATE "C",
    triggering_alert_id TEXT COLLATE "C",
    -- The order that stands for it in the device's queue.
    order_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, order_id)
);

CREATE INDEX investigations_updated ON investigations (tenant, updated_sequence);
CREATE INDEX investigations_start ON investigations (tenant, start_time NULLS FIRST, id);
CREATE INDEX investigations_machine ON investigations (tenant, machine_id, id);

-- The open orders of a device, as JSON; changed together with the actions they stand for.
CREATE TABLE device_queues (
    tenant TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    next_deadline BIGINT,
    PRIMARY KEY (tenant, device)
);

CREATE INDEX device_queues_deadline ON device_queues (next_deadline NULLS FIRST);

-- What devices said about orders, as they signed it.
CREATE TABLE action_receipts (
    tenant TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    received BIGINT NOT NULL,
    signed TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, action, number)
);

CREATE TABLE enrolment_tokens (
    tenant TEXT COLLATE "C" NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL,
    -- The only device that may use it; empty for any that is not enrolled.
    device TEXT COLLATE "C" NOT NULL,
    -- The key that used it; empty before that.
    used_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (token_hash)
);

CREATE INDEX enrolment_tokens_expires ON enrolment_tokens (tenant, expires);

CREATE TABLE device_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    public_key TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    enrolled BIGINT NOT NULL,
    last_contact BIGINT NOT NULL,
    revoked BIGINT,
    PRIMARY KEY (tenant, device)
);

-- Files of the live-response library; what they hold lies in the data folder under its digest.
CREATE TABLE library_files (
    tenant TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, name_folded)
);

-- What devices uploaded as the result of an action; what it holds lies in the data folder under its digest.
CREATE TABLE action_packages (
    tenant TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    -- The command of a live response; -1 for the package of the action itself.
    number BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, action, number)
);

CREATE INDEX action_packages_created ON action_packages (created);

-- Links by which a package can be read without a token for a while.
CREATE TABLE download_links (
    token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE INDEX download_links_expires ON download_links (expires);

-- What a tenant says about actions, as JSON.
CREATE TABLE action_policies (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body TEXT COLLATE "C" NOT NULL
);

-- One order for many devices, and what became of it on each.
CREATE TABLE action_jobs (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    is_done BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX action_jobs_open ON action_jobs (is_done, created);

CREATE TABLE action_job_devices (
    tenant TEXT COLLATE "C" NOT NULL,
    job TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    -- The action that was made; empty before that and when it was refused.
    action TEXT COLLATE "C" NOT NULL,
    -- Why there is none; empty without a reason.
    refusal TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, job, device)
);
