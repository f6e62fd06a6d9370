-- What a catalogue of version 0.1 lacks, once, in the transaction that takes it over, before schema.sql is run
-- (db_format.h): ALTER TABLE … ADD COLUMN for each column that a table of 0.1 gets, DROP for what changes.
SELECT 1;
