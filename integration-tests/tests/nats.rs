//! The scenarios on a real broker.

use integration_tests::nats::Nats;

integration_tests::scenarios!(Nats, needs brokers);
