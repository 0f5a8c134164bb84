package main

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var rabbitmqMistakes = []string{"byte-array", "no-propagator", "unsampled"}

// RabbitMQ by amqp091-go, with carriers as people write them for it.
type rabbitmq struct {
	connection *amqp.Connection
	channel    *amqp.Channel
	queue      string
	carrier    func(amqp.Table) propagation.TextMapCarrier
}

func openRabbitMQ(address, queue, mistake string) (orders, error) {
	connection, err := amqp.Dial(address)
	if err != nil {
		return nil, err
	}
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Confirm(false); err != nil {
		return nil, err
	}
	r := &rabbitmq{connection: connection, channel: channel, queue: queue}
	r.carrier = func(table amqp.Table) propagation.TextMapCarrier { return textCarrier(table) }
	if mistake == "byte-array" {
		r.carrier = func(table amqp.Table) propagation.TextMapCarrier { return bytesCarrier(table) }
	}
	return r, nil
}

func (r *rabbitmq) send(ctx context.Context, order string) error {
	ctx, span := tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	headers := amqp.Table{"source": "shop"}
	otel.GetTextMapPropagator().Inject(ctx, r.carrier(headers))
	message := amqp.Publishing{Headers: headers, Body: []byte(order)}
	confirmation, err := r.channel.PublishWithDeferredConfirmWithContext(ctx, "", r.queue, false, false, message)
	if err != nil {
		return err
	}
	if !confirmation.Wait() {
		return errors.New("the broker refused the message")
	}
	return nil
}

func (r *rabbitmq) close() error {
	return r.connection.Close()
}

type textCarrier amqp.Table

func (c textCarrier) Get(key string) string {
	value, _ := c[key].(string)
	return value
}

func (c textCarrier) Set(key, value string) { c[key] = value }

func (c textCarrier) Keys() []string { return nil } // only for propagators that look for prefixes

// Written after a carrier for Kafka: on the wire its values are byte arrays, and not text.
type bytesCarrier amqp.Table

func (c bytesCarrier) Get(key string) string {
	value, _ := c[key].([]byte)
	return string(value)
}

func (c bytesCarrier) Set(key, value string) { c[key] = []byte(value) }

func (c bytesCarrier) Keys() []string { return nil }
