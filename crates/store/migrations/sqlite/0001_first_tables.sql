-- Ids are texts, times are ticks (100 ns since 0001-01-01), columns named _folded hold lower case.

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    domain TEXT NOT NULL,
    domain_folded TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    created BIGINT NOT NULL,
    retired BIGINT
);

CREATE TABLE apps (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    manifest TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE app_secrets (
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    display_name TEXT,
    PRIMARY KEY (tenant, app, id),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE grants (
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    permissions TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE users (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    principal_name TEXT NOT NULL,
    principal_name_folded TEXT NOT NULL,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_administrator BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, principal_name_folded)
);

-- The catalog of the lake.

CREATE TABLE lake_files (
    path TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    table_name TEXT NOT NULL,
    day BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    first_time BIGINT,
    last_time BIGINT,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    schema_version BIGINT NOT NULL
);

-- One row, of id 1.
CREATE TABLE lake_log (
    id BIGINT NOT NULL PRIMARY KEY,
    segment BIGINT NOT NULL,
    byte_offset BIGINT NOT NULL
);

CREATE TABLE lake_producers (
    tenant TEXT NOT NULL,
    producer TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (tenant, producer)
);

CREATE TABLE lake_sequences (
    tenant TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);

-- What is derived from the lake, and how far its readers are.

CREATE TABLE followers (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- The last number drawn for `updated_sequence`.
CREATE TABLE counters (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE device_names (
    tenant TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY (tenant, name_folded)
);

-- Entities: `body` is the JSON that answers are made of, the other columns repeat it for queries, texts in
-- lower case.

CREATE TABLE machines (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT NOT NULL,
    computer_dns_name TEXT,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    os_platform TEXT NOT NULL,
    os_version TEXT,
    os_processor TEXT,
    version TEXT,
    last_ip_address TEXT,
    last_external_ip_address TEXT,
    agent_version TEXT,
    os_build BIGINT,
    health_status TEXT NOT NULL,
    device_value TEXT NOT NULL,
    rbac_group_id BIGINT NOT NULL,
    rbac_group_name TEXT,
    risk_score TEXT NOT NULL,
    exposure_level TEXT,
    is_aad_joined BOOLEAN,
    aad_device_id TEXT,
    onboarding_status TEXT NOT NULL,
    os_architecture TEXT,
    defender_av_status TEXT,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX machines_updated ON machines (tenant, updated_sequence);
CREATE INDEX machines_name ON machines (tenant, computer_dns_name, id);
CREATE INDEX machines_last_seen ON machines (tenant, last_seen, id);

-- The elements of the collections of texts of a machine, such as its tags.
CREATE TABLE machine_strings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES machines (tenant, id) ON DELETE CASCADE
);

CREATE TABLE alerts (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT NOT NULL,
    rule TEXT NOT NULL,
    incident_id BIGINT,
    investigation_id BIGINT,
    assigned_to TEXT,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    classification TEXT,
    determination TEXT,
    investigation_state TEXT,
    detection_source TEXT NOT NULL,
    detector_id TEXT,
    category TEXT NOT NULL,
    threat_family_name TEXT,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    alert_creation_time BIGINT NOT NULL,
    first_event_time BIGINT,
    last_event_time BIGINT,
    last_update_time BIGINT NOT NULL,
    resolved_time BIGINT,
    machine_id TEXT NOT NULL,
    computer_dns_name TEXT,
    rbac_group_name TEXT,
    aad_tenant_id TEXT NOT NULL,
    threat_name TEXT,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX alerts_updated ON alerts (tenant, updated_sequence);
CREATE INDEX alerts_creation ON alerts (tenant, alert_creation_time, id);
CREATE INDEX alerts_last_update ON alerts (tenant, last_update_time, id);
CREATE INDEX alerts_status ON alerts (tenant, status, alert_creation_time, id);
CREATE INDEX alerts_severity ON alerts (tenant, severity, alert_creation_time, id);
CREATE INDEX alerts_machine ON alerts (tenant, machine_id, alert_creation_time, id);
CREATE INDEX alerts_machine_status ON alerts (tenant, machine_id, status, severity);
CREATE INDEX alerts_machine_rule ON alerts (tenant, machine_id, rule, last_event_time);

-- The elements of the collections of texts of an alert, such as its techniques.
CREATE TABLE alert_strings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);
