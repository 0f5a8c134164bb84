package main

import (
	"context"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
)

var kafkaMistakes = []string{"escaped", "no-propagator", "unsampled"}

// Kafka by franz-go and its plug-in for OpenTelemetry.
type kafka struct {
	client  *kgo.Client
	topic   string
	escapes bool
	working sync.WaitGroup
	failed  error
}

func openKafka(address, topic, mistake string) (orders, error) {
	plugin := kotel.NewKotel(kotel.WithTracer(kotel.NewTracer()))
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(address, ",")...),
		kgo.WithHooks(plugin.Hooks()...),
	)
	if err != nil {
		return nil, err
	}
	return &kafka{client: client, topic: topic, escapes: mistake == "escaped"}, nil
}

func (k *kafka) send(ctx context.Context, order string) error {
	if !k.escapes {
		return k.produce(ctx, order)
	}
	// The request's context ends with the request, so people reach for another.
	k.working.Go(func() {
		if err := k.produce(context.Background(), order); err != nil {
			k.failed = err
		}
	})
	k.working.Wait() // so that the orders stay in order
	return k.failed
}

func (k *kafka) produce(ctx context.Context, order string) error {
	record := &kgo.Record{
		Topic:   k.topic,
		Value:   []byte(order),
		Headers: []kgo.RecordHeader{{Key: "source", Value: []byte("shop")}},
	}
	return k.client.ProduceSync(ctx, record).FirstErr()
}

func (k *kafka) close() error {
	k.client.Close()
	return nil
}
