-- The sign-in of the browser in which a code was given: it is exchanged for as long as that goes on. Null for codes
-- from before this was kept.
ALTER TABLE authorization_codes ADD COLUMN session TEXT COLLATE "C";
ALTER TABLE device_codes ADD COLUMN session TEXT COLLATE "C";

-- Where a device asked for its code.
ALTER TABLE device_codes ADD COLUMN network TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX device_codes_app ON device_codes (app, expires);
CREATE INDEX device_codes_network ON device_codes (network, expires);
