-- Indexes behind what lists are filtered by; those of values that go on with the order of the list.

CREATE INDEX machines_version ON machines (tenant, version NULLS FIRST, id) WHERE version IS NOT NULL;
CREATE INDEX machines_last_ip ON machines (tenant, last_ip_address NULLS FIRST, id) WHERE last_ip_address IS NOT NULL;
CREATE INDEX machines_external_ip ON machines (tenant, last_external_ip_address NULLS FIRST, id)
    WHERE last_external_ip_address IS NOT NULL;
CREATE INDEX machines_health ON machines (tenant, health_status, id);
CREATE INDEX machines_platform ON machines (tenant, os_platform, id);
CREATE INDEX machines_risk ON machines (tenant, risk_score, id);
CREATE INDEX machines_value ON machines (tenant, device_value, id);
CREATE INDEX machines_exposure ON machines (tenant, exposure_level NULLS FIRST, id) WHERE exposure_level IS NOT NULL;
CREATE INDEX machines_onboarding ON machines (tenant, onboarding_status, id);
CREATE INDEX machines_aad_device ON machines (tenant, aad_device_id NULLS FIRST, id) WHERE aad_device_id IS NOT NULL;
CREATE INDEX machine_strings_value ON machine_strings (tenant, property, value, id);

CREATE INDEX alerts_assigned ON alerts (tenant, assigned_to NULLS FIRST, alert_creation_time, id)
    WHERE assigned_to IS NOT NULL;
CREATE INDEX alerts_investigation ON alerts (tenant, investigation_id NULLS FIRST, alert_creation_time, id)
    WHERE investigation_id IS NOT NULL;
CREATE INDEX alerts_category ON alerts (tenant, category, alert_creation_time, id);
CREATE INDEX alerts_source ON alerts (tenant, detection_source, alert_creation_time, id);
CREATE INDEX alerts_last_event ON alerts (tenant, last_event_time NULLS FIRST) WHERE last_event_time IS NOT NULL;
-- From events, and of any length.
CREATE INDEX alerts_name ON alerts USING hash (computer_dns_name);
CREATE INDEX alert_strings_value ON alert_strings (tenant, property, value, id);

CREATE INDEX incidents_number ON incidents (tenant, incident_id);

CREATE INDEX indicators_action ON indicators (tenant, action, id);
CREATE INDEX indicators_severity ON indicators (tenant, severity NULLS FIRST, id) WHERE severity IS NOT NULL;
CREATE INDEX indicators_title ON indicators (tenant, title, id);
CREATE INDEX indicators_source ON indicators (tenant, source, id);
CREATE INDEX indicators_external ON indicators (tenant, external_id NULLS FIRST, id) WHERE external_id IS NOT NULL;
