// A Go service between two subjects of NATS, as the Go programs are that the tests are about: it
// reads and writes a message's context by OpenTelemetry's HTTP carrier, which knows the names in
// title case alone, and keeps all other headers.
//
//	relay URL FROM TO
//
// It writes "ready" to its standard output when it is subscribed, and ends with its standard input.
// What it sends has for its payload what it found in the message that it received, as JSON. Headers
// of that message say what it does besides:
//
//	drop-baggage: KEY   sends the baggage on without this member
//	raw-baggage: TEXT   sends this text as the baggage
//	untraced: yes       makes no span of its own, as without a tracer provider
//	ask: SUBJECT        requests from this subject first, and reports on the answer
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// What the service found, and the span that it made of it.
type report struct {
	Remote  string            `json:"remote"` // a traceparent, or nothing
	Own     string            `json:"own"`
	Baggage map[string]string `json:"baggage"`
}

var (
	tracer     = sdktrace.NewTracerProvider().Tracer("relay")
	propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: relay URL FROM TO")
	}
	url, from, to := os.Args[1], os.Args[2], os.Args[3]
	connection, err := nats.Connect(url)
	if err != nil {
		log.Fatalf("connect to %s: %v", url, err)
	}
	_, err = connection.Subscribe(from, func(message *nats.Msg) {
		if err := relay(connection, message, to); err != nil {
			log.Fatalf("relay a message to %s: %v", to, err)
		}
	})
	if err != nil {
		log.Fatalf("subscribe to %s: %v", from, err)
	}
	// The server answers when it knows of the subscription.
	if err := connection.Flush(); err != nil {
		log.Fatalf("flush: %v", err)
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		log.Fatalf("standard input: %v", err)
	}
}

func relay(connection *nats.Conn, received *nats.Msg, to string) error {
	message := nats.NewMsg(to)
	for name, values := range received.Header {
		message.Header[name] = values
	}
	drop, raw, ask := take(message, "drop-baggage"), take(message, "raw-baggage"), take(message, "ask")
	untraced := take(message, "untraced")

	sender := propagator.Extract(context.Background(), carrier(message))
	ctx, span, found := process(context.Background(), message)
	defer span.End()
	if untraced != "" {
		ctx = sender
	}
	if drop != "" {
		ctx = baggage.ContextWithBaggage(ctx, baggage.FromContext(ctx).DeleteMember(drop))
	}
	propagator.Inject(ctx, carrier(message))
	if raw != "" {
		message.Header["Baggage"] = []string{raw}
	}

	if ask != "" {
		request := nats.NewMsg(ask)
		request.Header = message.Header
		answer, err := connection.RequestMsg(request, 10*time.Second)
		if err != nil {
			return fmt.Errorf("ask %s: %w", ask, err)
		}
		var answered trace.Span
		_, answered, found = process(context.Background(), answer)
		answered.End()
	}

	payload, err := json.Marshal(found)
	if err != nil {
		return err
	}
	message.Data = payload
	if err := connection.PublishMsg(message); err != nil {
		return err
	}
	return connection.Flush()
}

// Starts the span of a received message, below its sender's if it has one.
func process(ctx context.Context, message *nats.Msg) (context.Context, trace.Span, report) {
	ctx = propagator.Extract(ctx, carrier(message))
	found := report{Baggage: map[string]string{}}
	if remote := trace.SpanContextFromContext(ctx); remote.IsValid() {
		found.Remote = traceparent(remote)
	}
	for _, member := range baggage.FromContext(ctx).Members() {
		found.Baggage[member.Key()] = member.Value()
	}
	ctx, span := tracer.Start(ctx, "process")
	found.Own = traceparent(span.SpanContext())
	return ctx, span, found
}

func carrier(message *nats.Msg) propagation.HeaderCarrier {
	if message.Header == nil {
		message.Header = nats.Header{}
	}
	return propagation.HeaderCarrier(message.Header)
}

func traceparent(span trace.SpanContext) string {
	return fmt.Sprintf("00-%s-%s-%s", span.TraceID(), span.SpanID(), span.TraceFlags())
}

// The value of a header that is meant for this service alone.
func take(message *nats.Msg, name string) string {
	value := message.Header.Get(name)
	delete(message.Header, name)
	return value
}
