-- Who asked for an investigation, by an id that does not change; empty for those from before this was kept. Somebody
-- else has to approve it where that is wanted.
ALTER TABLE investigations ADD COLUMN actor TEXT COLLATE "C" NOT NULL DEFAULT '';
