-- Not in WAL mode: of several programs that open the file at once, one may then be told that the
-- database is locked without having waited (https://sqlite.org/wal.html, "Sometimes Queries Return
-- SQLITE_BUSY In WAL Mode").

CREATE TABLE IF NOT EXISTS orders (
  number INTEGER PRIMARY KEY,
  item TEXT NOT NULL,
  count INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS stock (
  item TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT;

INSERT INTO stock (item, count) VALUES ('tea', 100) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS outbox (
  -- Without AUTOINCREMENT the number of a removed row is given out again, and a consumer would
  -- take a new message for the old one.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  -- The request's context, as JSON. NULL in rows from before.
  context TEXT,
  -- Why Kafka will never take the message.
  error TEXT
) STRICT;

-- The consumer's; in its own database, if it has one.
CREATE TABLE IF NOT EXISTS handled (
  id INTEGER PRIMARY KEY
) STRICT;

-- Not unique, so that an order that is invoiced twice shows.
CREATE TABLE IF NOT EXISTS invoices (
  order_number INTEGER NOT NULL
) STRICT;
