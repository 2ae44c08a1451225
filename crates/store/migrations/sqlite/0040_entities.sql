-- The log of changes, alerts by their evidence, incidents, indicators, and what people set of machines.

-- Every change of an entity, in the order of the tenant's counter.
CREATE TABLE changes (
    tenant TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (tenant, sequence)
) WITHOUT ROWID;

CREATE INDEX changes_kind ON changes (tenant, kind, sequence);

INSERT INTO changes SELECT tenant, updated_sequence, 'machine', id, 'created' FROM machines;
INSERT INTO changes SELECT tenant, updated_sequence, 'alert', id, 'created' FROM alerts;

-- Who changed what of an entity; `change` is JSON.
CREATE TABLE entity_history (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    author TEXT NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id, sequence)
) WITHOUT ROWID;

-- What people set of a machine, which events do not say: JSON.
CREATE TABLE machine_settings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Elements of collections of objects: a column for each member that `$filter` may name.

CREATE TABLE machine_addresses (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    ip_address TEXT,
    mac_address TEXT,
    type TEXT,
    operational_status TEXT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES machines (tenant, id) ON DELETE CASCADE
);

CREATE INDEX machine_addresses_ip ON machine_addresses (tenant, ip_address, id);

CREATE TABLE alert_comments (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    comment TEXT,
    created_by TEXT,
    created_time BIGINT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);

CREATE TABLE alert_evidence (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    entity_type TEXT,
    evidence_creation_time BIGINT,
    sha1 TEXT,
    sha256 TEXT,
    file_name TEXT,
    file_path TEXT,
    process_id BIGINT,
    process_command_line TEXT,
    process_creation_time BIGINT,
    parent_process_id BIGINT,
    parent_process_creation_time BIGINT,
    parent_process_file_name TEXT,
    parent_process_file_path TEXT,
    ip_address TEXT,
    url TEXT,
    registry_key TEXT,
    registry_hive TEXT,
    registry_value_type TEXT,
    registry_value TEXT,
    account_name TEXT,
    domain_name TEXT,
    user_sid TEXT,
    aad_user_id TEXT,
    user_principal_name TEXT,
    detection_status TEXT,
    -- The labels of the URL's host, the last one first, each with a dot behind it.
    host_labels TEXT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);

CREATE INDEX alert_evidence_sha1 ON alert_evidence (tenant, sha1, id) WHERE sha1 IS NOT NULL;
CREATE INDEX alert_evidence_sha256 ON alert_evidence (tenant, sha256, id) WHERE sha256 IS NOT NULL;
CREATE INDEX alert_evidence_ip ON alert_evidence (tenant, ip_address, id) WHERE ip_address IS NOT NULL;
CREATE INDEX alert_evidence_host ON alert_evidence (tenant, host_labels, id) WHERE host_labels IS NOT NULL;
CREATE INDEX alert_evidence_account ON alert_evidence (tenant, account_name, id) WHERE account_name IS NOT NULL;

CREATE INDEX alerts_incident ON alerts (tenant, incident_id, id);
CREATE INDEX alerts_machine_events ON alerts (tenant, machine_id, last_event_time);

CREATE TABLE incidents (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT NOT NULL,
    incident_id BIGINT NOT NULL,
    redirect_incident_id BIGINT,
    incident_name TEXT NOT NULL,
    created_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    assigned_to TEXT,
    classification TEXT NOT NULL,
    determination TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX incidents_created ON incidents (tenant, created_time, incident_id);
CREATE INDEX incidents_last_update ON incidents (tenant, last_update_time, incident_id);
CREATE INDEX incidents_status ON incidents (tenant, status, created_time, incident_id);

CREATE TABLE incident_strings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES incidents (tenant, id) ON DELETE CASCADE
);

CREATE TABLE incident_comments (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    comment TEXT,
    created_by TEXT,
    created_time BIGINT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES incidents (tenant, id) ON DELETE CASCADE
);

CREATE TABLE indicators (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT NOT NULL,
    -- Kind and value, by which an indicator is found again.
    value_key TEXT NOT NULL,
    indicator_value TEXT NOT NULL,
    indicator_type TEXT NOT NULL,
    action TEXT NOT NULL,
    application TEXT,
    source TEXT NOT NULL,
    source_type TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_by_display_name TEXT,
    created_by_source TEXT,
    last_updated_by TEXT,
    creation_time BIGINT NOT NULL,
    expiration_time BIGINT,
    last_update_time BIGINT NOT NULL,
    severity TEXT,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    recommended_actions TEXT,
    generate_alert BOOLEAN NOT NULL,
    educate_url TEXT,
    external_id TEXT,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX indicators_value_key ON indicators (tenant, value_key);
CREATE INDEX indicators_value ON indicators (tenant, indicator_value, id);
CREATE INDEX indicators_type ON indicators (tenant, indicator_type, id);
CREATE INDEX indicators_creator ON indicators (tenant, created_by, id);
CREATE INDEX indicators_created ON indicators (tenant, creation_time, id);
CREATE INDEX indicators_last_update ON indicators (tenant, last_update_time, id);
CREATE INDEX indicators_expiration ON indicators (tenant, expiration_time) WHERE expiration_time IS NOT NULL;

CREATE TABLE indicator_strings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES indicators (tenant, id) ON DELETE CASCADE
);
