-- Two programs may start at once, and CREATE TABLE IF NOT EXISTS is no protection from that. What
-- is sent in one piece is one transaction, and the lock ends with it.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('outbox schema')); END $$;

CREATE TABLE IF NOT EXISTS orders (
  number BIGINT PRIMARY KEY,
  item TEXT NOT NULL,
  count BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS stock (
  item TEXT PRIMARY KEY,
  count BIGINT NOT NULL
);

INSERT INTO stock (item, count) VALUES ('tea', 100) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  payload TEXT NOT NULL,
  -- The request's context, as JSON. NULL in rows from before.
  context TEXT,
  -- Why Kafka will never take the message.
  error TEXT
);

-- The consumer's; in its own database, if it has one.
CREATE TABLE IF NOT EXISTS handled (
  id BIGINT PRIMARY KEY
);

-- Not unique, so that an order that is invoiced twice shows.
CREATE TABLE IF NOT EXISTS invoices (
  order_number BIGINT NOT NULL
);
