package main

import (
	"context"

	natsgo "github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var natsMistakes = []string{"no-propagator", "title-case", "unsampled"}

// NATS by nats.go, with the carriers that people use for it.
type nats struct {
	connection *natsgo.Conn
	subject    string
	carrier    func(natsgo.Header) propagation.TextMapCarrier
}

func openNATS(address, subject, mistake string) (orders, error) {
	connection, err := natsgo.Connect(address)
	if err != nil {
		return nil, err
	}
	n := &nats{connection: connection, subject: subject}
	n.carrier = func(header natsgo.Header) propagation.TextMapCarrier { return exactCarrier(header) }
	if mistake == "title-case" {
		// Made for HTTP, whose names have no case: it writes every name in title case.
		n.carrier = func(header natsgo.Header) propagation.TextMapCarrier {
			return propagation.HeaderCarrier(header)
		}
	}
	return n, nil
}

func (n *nats) send(ctx context.Context, order string) error {
	ctx, span := tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	message := &natsgo.Msg{Subject: n.subject, Header: natsgo.Header{"source": {"shop"}}, Data: []byte(order)}
	otel.GetTextMapPropagator().Inject(ctx, n.carrier(message.Header))
	return n.connection.PublishMsg(message)
}

func (n *nats) close() error {
	defer n.connection.Close()
	return n.connection.Flush()
}

type exactCarrier natsgo.Header

func (c exactCarrier) Get(key string) string { return natsgo.Header(c).Get(key) }

func (c exactCarrier) Set(key, value string) { natsgo.Header(c).Set(key, value) }

func (c exactCarrier) Keys() []string { return nil } // only for propagators that look for prefixes
