-- What changing data through the app needs: where an action came from, and pilots as they were.

ALTER TABLE audit_log ADD COLUMN origin text NOT NULL DEFAULT '';
-- Rows come in the order of their numbers, by which the page reads them; an index of ranges costs a writer nothing.
DROP INDEX IF EXISTS audit_log_at;
CREATE INDEX audit_log_at ON audit_log USING brin (at);

-- A pilot's row as it was until the day on which it became another one. What somebody writes into pilots, by
-- whatever way, leaves the row of before here, so that a list can be asked as of a day.
CREATE TABLE pilot_history (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    until            date NOT NULL,
    pilot_id         bigint NOT NULL REFERENCES pilots ON DELETE CASCADE,
    fleet            text NOT NULL,
    base             text NOT NULL,
    contract         text NOT NULL,
    rank             text NOT NULL,
    licence          text NOT NULL,
    date_of_birth    date,
    commenced_on     date NOT NULL,
    seniority        integer NOT NULL,
    training_captain boolean NOT NULL,
    examiner         boolean NOT NULL,
    expatriate       boolean NOT NULL,
    active           boolean NOT NULL,
    left_on          date
);
CREATE INDEX pilot_history_until ON pilot_history (pilot_id, until);

-- Tokens end by themselves if whoever made them said so; the name of a revoked one can be given again.
ALTER TABLE api_tokens ADD COLUMN expires_at timestamptz, ADD COLUMN created_by text NOT NULL DEFAULT '';
ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_name_key;
CREATE UNIQUE INDEX api_tokens_name_key ON api_tokens (name) WHERE revoked_at IS NULL;
