-- What is known of how an alert came about.

-- The ReportId of the event that it was raised for, as text; empty where it is not known.
ALTER TABLE alerts ADD COLUMN report_id TEXT COLLATE "C" NOT NULL DEFAULT '';

-- What whoever made it says is to be done.
ALTER TABLE alerts ADD COLUMN recommended_action TEXT COLLATE "C";
