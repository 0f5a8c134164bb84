// Sends orders as a service in Node does, with a usual mistake.
//
//	node producer.js ADDRESS DESTINATION MISTAKE COUNT
//
// Each order is sent in the span of a request. It prints the requests' traces, in the order of the
// messages. `integration-tests/producers/send` sets what people set in the environment.
'use strict';

const { trace } = require('@opentelemetry/api');
const { start } = require('./tracing');

async function main() {
  const [address, destination, mistake, count] = process.argv.slice(2);
  if (count === undefined) throw new Error('usage: producer.js ADDRESS DESTINATION MISTAKE COUNT');
  // A client that is loaded before the instrumentation starts stays as it is.
  if (mistake === 'instrumented-too-late') require(moduleOf(address));
  if (mistake !== 'not-instrumented') start(mistake);
  const broker = require(moduleOf(address));
  if (mistake !== 'good' && !broker.mistakes.includes(mistake)) {
    throw new Error(`${moduleOf(address)} has no mistake ${mistake}`);
  }

  const orders = await broker.open(address, destination, mistake);
  const traces = [];
  for (let number = 0; number < Number(count); number += 1) {
    await trace.getTracer('shop').startActiveSpan('POST /orders', async (request) => {
      await orders.send(`order ${number}`);
      request.end();
      traces.push(request.spanContext().traceId);
    });
  }
  await orders.close();
  console.log(traces.join(' '));
}

function moduleOf(address) {
  if (address.startsWith('amqp')) return './over-rabbitmq';
  return address.startsWith('nats') ? './over-nats' : './over-kafka';
}

main().catch((error) => {
  console.error(`producer: ${error.message}`);
  process.exit(1);
});
