-- Ids are texts, times are ticks (100 ns since 0001-01-01), columns named _folded hold lower case.

CREATE TABLE tenants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    domain_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    created BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created BIGINT NOT NULL,
    retired BIGINT
);

CREATE TABLE apps (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    manifest TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE app_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    display_name TEXT COLLATE "C",
    PRIMARY KEY (tenant, app, id),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE grants (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    granted_by TEXT COLLATE "C" NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE users (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    principal_name TEXT COLLATE "C" NOT NULL,
    principal_name_folded TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    is_administrator BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, principal_name_folded)
);

-- The catalog of the lake.

CREATE TABLE lake_files (
    path TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
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
    tenant TEXT COLLATE "C" NOT NULL,
    producer TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (tenant, producer)
);

CREATE TABLE lake_sequences (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);

-- What is derived from the lake, and how far its readers are.

CREATE TABLE followers (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- The last number drawn for `updated_sequence`.
CREATE TABLE counters (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE device_names (
    tenant TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, name_folded)
);

-- Entities: `body` is the JSON that answers are made of, the other columns repeat it for queries, texts in
-- lower case.

CREATE TABLE machines (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    computer_dns_name TEXT COLLATE "C",
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    os_platform TEXT COLLATE "C" NOT NULL,
    os_version TEXT COLLATE "C",
    os_processor TEXT COLLATE "C",
    version TEXT COLLATE "C",
    last_ip_address TEXT COLLATE "C",
    last_external_ip_address TEXT COLLATE "C",
    agent_version TEXT COLLATE "C",
    os_build BIGINT,
    health_status TEXT COLLATE "C" NOT NULL,
    device_value TEXT COLLATE "C" NOT NULL,
    rbac_group_id BIGINT NOT NULL,
    rbac_group_name TEXT COLLATE "C",
    risk_score TEXT COLLATE "C" NOT NULL,
    exposure_level TEXT COLLATE "C",
    is_aad_joined BOOLEAN,
    aad_device_id TEXT COLLATE "C",
    onboarding_status TEXT COLLATE "C" NOT NULL,
    os_architecture TEXT COLLATE "C",
    defender_av_status TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
);

CREATE INDEX machines_updated ON machines (tenant, updated_sequence);
CREATE INDEX machines_name ON machines (tenant, computer_dns_name NULLS FIRST, id);
CREATE INDEX machines_last_seen ON machines (tenant, last_seen, id);

-- The elements of the collections of texts of a machine, such as its tags.
CREATE TABLE machine_strings (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    property TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES machines (tenant, id) ON DELETE CASCADE
);

CREATE TABLE alerts (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    incident_id BIGINT,
    investigation_id BIGINT,
    assigned_to TEXT COLLATE "C",
    severity TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    classification TEXT COLLATE "C",
    determination TEXT COLLATE "C",
    investigation_state TEXT COLLATE "C",
    detection_source TEXT COLLATE "C" NOT NULL,
    detector_id TEXT COLLATE "C",
    category TEXT COLLATE "C" NOT NULL,
    threat_family_name TEXT COLLATE "C",
    title TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    alert_creation_time BIGINT NOT NULL,
    first_event_time BIGINT,
    last_event_time BIGINT,
    last_update_time BIGINT NOT NULL,
    resolved_time BIGINT,
    machine_id TEXT COLLATE "C" NOT NULL,
    computer_dns_name TEXT COLLATE "C",
    rbac_group_name TEXT COLLATE "C",
    aad_tenant_id TEXT COLLATE "C" NOT NULL,
    threat_name TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
);

CREATE INDEX alerts_updated ON alerts (tenant, updated_sequence);
CREATE INDEX alerts_creation ON alerts (tenant, alert_creation_time, id);
CREATE INDEX alerts_last_update ON alerts (tenant, last_update_time, id);
CREATE INDEX alerts_status ON alerts (tenant, status, alert_creation_time, id);
CREATE INDEX alerts_severity ON alerts (tenant, severity, alert_creation_time, id);
CREATE INDEX alerts_machine ON alerts (tenant, machine_id, alert_creation_time, id);
CREATE INDEX alerts_machine_status ON alerts (tenant, machine_id, status, severity);
CREATE INDEX alerts_machine_rule ON alerts (tenant, machine_id, rule, last_event_time NULLS FIRST);

-- The elements of the collections of texts of an alert, such as its techniques.
CREATE TABLE alert_strings (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    property TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);
