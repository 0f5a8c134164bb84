// RabbitMQ by amqplib and OpenTelemetry's instrumentation of it.
'use strict';

const amqplib = require('amqplib');

exports.mistakes = ['instrumented-too-late', 'no-propagator', 'not-instrumented', 'unsampled'];

exports.open = async (address, queue) => {
  const connection = await amqplib.connect(address);
  const channel = await connection.createConfirmChannel();
  return {
    send: async (order) => {
      channel.sendToQueue(queue, Buffer.from(order), { headers: { source: 'shop' } });
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
};
