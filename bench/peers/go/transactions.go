package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transactions writes records in transactions of a given size.
func transactions(o Options) (*Report, error) {
	client, err := producer(o, kgo.TransactionalID(o.Topic))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	payload := newPayload(o.Size)
	ctx := context.Background()
	var seen counted
	// As a first transaction does it: the id is asked for before the clock runs, as the other clients do.
	if _, _, err := client.ProducerID(ctx); err != nil {
		return nil, err
	}
	meter := startMeter()
	for sent := int64(0); sent < o.Records; {
		if err := client.BeginTransaction(); err != nil {
			return nil, err
		}
		for end := min(o.Records, sent+o.PerTransaction); sent < end; sent++ {
			client.Produce(ctx, kgo.SliceRecord(payload.value(sent)), seen.promise)
		}
		if err := client.Flush(ctx); err != nil {
			return nil, err
		}
		if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return nil, err
		}
	}
	return meter.report("transactions", o.Records*int64(o.Size), seen.acked.Load(), seen.errors.Load(), o.Records), nil
}
