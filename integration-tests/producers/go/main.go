// Sends orders as a service in Go does, with a usual mistake.
//
//	producer ADDRESS DESTINATION MISTAKE COUNT
//
// Each order is sent in the span of a request. It prints the requests' traces, in the order of the
// messages. `integration-tests/producers/send` sets what people set in the environment.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var tracer = otel.Tracer("shop")

// Where orders are sent to.
type orders interface {
	send(ctx context.Context, order string) error
	close() error
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("producer: ")
	if len(os.Args) != 5 {
		log.Fatal("usage: producer ADDRESS DESTINATION MISTAKE COUNT")
	}
	address, destination, mistake := os.Args[1], os.Args[2], os.Args[3]
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	// Without this call the global propagator injects nothing, and says nothing.
	if mistake != "no-propagator" {
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
			propagation.TraceContext{}, propagation.Baggage{}))
	}
	orders, err := open(address, destination, mistake)
	if err != nil {
		log.Fatal(err)
	}
	var traces []string
	for number := range count {
		ctx, request := tracer.Start(context.Background(), "POST /orders")
		if err := orders.send(ctx, fmt.Sprintf("order %d", number)); err != nil {
			log.Fatal(err)
		}
		request.End()
		traces = append(traces, request.SpanContext().TraceID().String())
	}
	if err := orders.close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Join(traces, " "))
}

func open(address, destination, mistake string) (orders, error) {
	var mistakes []string
	var open func(address, destination, mistake string) (orders, error)
	switch {
	case strings.HasPrefix(address, "amqp"):
		mistakes, open = rabbitmqMistakes, openRabbitMQ
	case strings.HasPrefix(address, "nats"):
		mistakes, open = natsMistakes, openNATS
	default:
		mistakes, open = kafkaMistakes, openKafka
	}
	if mistake != "good" && !slices.Contains(mistakes, mistake) {
		return nil, fmt.Errorf("%s has no mistake %s", address, mistake)
	}
	return open(address, destination, mistake)
}
