package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// How many records go to a partition in a row, how long the writer rests then, and how many may wait.
	burst       = 25
	rest        = 40 * time.Millisecond
	mostWaiting = 1_000
	// Batches that fit into the smallest segments.
	batchBytes = 10_000
	// The bytes of a record, see ring/stamp.py.
	stampKeys, stampTombstones, stampPadding = 211, 13, 400
)

// writer writes for the kill loop until its input ends, and says what was acknowledged (tests/kill/foreign.rs).
func writer(r *run) error {
	var partitions []*kgo.Record
	for _, topic := range r.topics {
		name, count, _ := strings.Cut(topic, ":")
		number, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		for partition := range number {
			partitions = append(partitions, &kgo.Record{Topic: name, Partition: int32(partition)})
		}
	}
	// Whoever has to find out why it failed reads it.
	log := kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelInfo, nil))
	client, err := r.client(log, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedRecords(mostWaiting), kgo.ProducerBatchMaxBytes(batchBytes), kgo.RecordDeliveryTimeout(2*deadline), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(codecs[r.codec]), kgo.RequestRetries(1_000_000),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
	if err != nil {
		return err
	}
	defer client.Close()
	said := &groupMember{}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	// Not the context of other scenarios: a writer goes on until its input ends.
	ctx := context.Background()
	for sequence := uint64(0); ; sequence += burst {
		select {
		case <-ended:
			return client.Flush(ctx)
		case <-time.After(rest):
		}
		said.say("sending", map[string]any{"end": sequence + burst})
		to := partitions[sequence/burst%uint64(len(partitions))]
		for number := sequence; number < sequence+burst; number++ {
			client.Produce(ctx, stamped(to, r.writer, number), func(record *kgo.Record, err error) {
				if err != nil {
					said.say("failed", map[string]any{"why": err.Error()})
					return
				}
				said.say("acked", map[string]any{"topic": record.Topic, "partition": record.Partition,
					"sequence": number, "offset": record.Offset})
			})
		}
	}
}

// stamped is a record whose bytes follow from its writer and its number.
func stamped(to *kgo.Record, writer int, number uint64) *kgo.Record {
	stamp := fmt.Sprintf("%d:%d", writer, number)
	record := &kgo.Record{Topic: to.Topic, Partition: to.Partition, Key: fmt.Appendf(nil, "k%d", number%stampKeys),
		Headers: []kgo.RecordHeader{{Key: "stamp", Value: []byte(stamp)}}}
	if number%stampTombstones != 0 {
		value := stamp + ":"
		length := len(value) + int(number*7919%stampPadding)
		value += strings.Repeat(strconv.FormatUint(number*2654435761%(1<<32), 10), stampPadding)
		record.Value = []byte(value[:length])
	}
	return record
}
