-- How many entities of a kind a tenant has, kept by the transaction that adds or removes some; and an index in the order
-- of the lists of machines with what they are often filtered by, to pass over others without reading them.

CREATE TABLE entity_counts (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    rows_count BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind)
);

INSERT INTO entity_counts SELECT tenant, 'machines', COUNT(*) FROM machines GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'alerts', COUNT(*) FROM alerts GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'incidents', COUNT(*) FROM incidents GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'indicators', COUNT(*) FROM indicators GROUP BY tenant;

CREATE FUNCTION count_entities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO entity_counts AS known SELECT tenant, TG_TABLE_NAME, COUNT(*) FROM changed GROUP BY tenant
            ON CONFLICT (tenant, kind) DO UPDATE SET rows_count = known.rows_count + excluded.rows_count;
    ELSE
        UPDATE entity_counts AS known SET rows_count = known.rows_count - gone.rows_count
            FROM (SELECT tenant, COUNT(*) AS rows_count FROM changed GROUP BY tenant) AS gone
            WHERE known.tenant = gone.tenant AND known.kind = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER machines_come AFTER INSERT ON machines
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER machines_go AFTER DELETE ON machines
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER alerts_come AFTER INSERT ON alerts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER alerts_go AFTER DELETE ON alerts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER incidents_come AFTER INSERT ON incidents
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER incidents_go AFTER DELETE ON incidents
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER indicators_come AFTER INSERT ON indicators
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();
CREATE TRIGGER indicators_go AFTER DELETE ON indicators
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_entities();

CREATE INDEX machines_passed ON machines (tenant, id, last_seen, risk_score, health_status, os_platform, rbac_group_id);
