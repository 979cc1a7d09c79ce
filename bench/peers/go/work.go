package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 60 * time.Second

// connection leads to the broker, encrypted if there is an authority.
func connection(o Options) ([]kgo.Opt, error) {
	options := []kgo.Opt{kgo.SeedBrokers(o.Bootstrap)}
	if o.TLSCa == "" {
		return options, nil
	}
	certificate, err := os.ReadFile(o.TLSCa)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		return nil, fmt.Errorf("%s has no certificate", o.TLSCa)
	}
	return append(options, kgo.DialTLSConfig(&tls.Config{RootCAs: roots})), nil
}

func producer(o Options, more ...kgo.Opt) (*kgo.Client, error) {
	options, err := connection(o)
	if err != nil {
		return nil, err
	}
	options = append(append(options, kgo.DefaultProduceTopic(o.Topic)), more...)
	if o.Settings == "matched" {
		acks := map[string]kgo.Acks{"all": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}[o.Acks]
		codec := map[string]kgo.CompressionCodec{
			"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
			"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		}[o.Compression]
		options = append(options,
			kgo.RequiredAcks(acks), kgo.ProducerBatchCompression(codec),
			kgo.ProducerLinger(time.Duration(o.LingerMs)*time.Millisecond),
			kgo.ProducerBatchMaxBytes(int32(o.BatchBytes)),
			kgo.MaxBufferedRecords(1_000_000), kgo.MaxBufferedBytes(o.BufferBytes))
		if o.Idempotent {
			// With idempotence its limit is five by itself.
			if o.Inflight < 5 {
				options = append(options, kgo.MaxProduceRequestsInflightPerBroker(o.Inflight))
			}
		} else {
			options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(o.Inflight))
		}
	}
	return kgo.NewClient(options...)
}

func consumer(o Options) (*kgo.Client, error) {
	options, err := connection(o)
	if err != nil {
		return nil, err
	}
	isolation := kgo.ReadUncommitted()
	if o.Isolation == "read-committed" {
		isolation = kgo.ReadCommitted()
	}
	return kgo.NewClient(append(options, kgo.ConsumeTopics(o.Topic), kgo.FetchIsolationLevel(isolation),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}

// counted observes every acknowledgement.
type counted struct{ acked, errors atomic.Int64 }

func (c *counted) promise(_ *kgo.Record, err error) {
	if err == nil {
		c.acked.Add(1)
	} else {
		c.errors.Add(1)
	}
}

// records are used again: who writes many does not make each anew.
var records = sync.Pool{New: func() any { return new(kgo.Record) }}

func produce(o Options) (*Report, error) {
	client, err := producer(o)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	payload := newPayload(o.Size)
	ctx := context.Background()
	var seen counted
	observe := func(record *kgo.Record, err error) {
		seen.promise(record, err)
		*record = kgo.Record{}
		records.Put(record)
	}
	meter := startMeter()
	for index := range o.Records {
		record := records.Get().(*kgo.Record)
		record.Value = payload.value(index)
		client.Produce(ctx, record, observe)
	}
	if err := client.Flush(ctx); err != nil {
		return nil, err
	}
	return meter.report("produce", o.Records*int64(o.Size), seen.acked.Load(), seen.errors.Load(), o.Records), nil
}

func consume(o Options) (*Report, error) {
	meter := startMeter()
	client, err := consumer(o)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var read, bytes int64
	var touched uint64
	for read < o.Records {
		err := poll(client, func(value []byte) {
			read++
			bytes += int64(len(value))
			for at := 0; at < len(value); at += 64 {
				touched += uint64(value[at])
			}
		})
		if err != nil {
			return nil, err
		}
	}
	runtime.KeepAlive(touched)
	return meter.report("consume", bytes, read, 0, read), nil
}

func poll(client *kgo.Client, each func([]byte)) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fetches := client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	fetches.EachRecord(func(record *kgo.Record) { each(record.Value) })
	return nil
}

func endToEnd(o Options) (*Report, error) {
	writer, err := producer(o)
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	reader, err := consumer(o)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	warmup := o.Rate * o.WarmupSeconds
	total := warmup + o.Rate*o.Seconds
	run := uint64(os.Getpid())
	var seen counted
	meter := startMeter()
	sent := make(chan error, 1)
	go func() { sent <- sendInTurn(writer, o, run, total, meter.started, &seen) }()
	latencies := make([]time.Duration, 0, total-warmup)
	for read := int64(0); read < total; {
		err := poll(reader, func(value []byte) {
			if binary.BigEndian.Uint64(value) != run {
				return
			}
			read++
			if read > warmup {
				due := time.Duration(binary.BigEndian.Uint64(value[8:]))
				latencies = append(latencies, time.Since(meter.started)-due)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("after %d records: %w", read, err)
		}
	}
	if err := <-sent; err != nil {
		return nil, err
	}
	report := meter.report("e2e", total*int64(max(o.Size, 16)), seen.acked.Load(), seen.errors.Load(), total)
	report.Latency = quantiles(latencies)
	return report, nil
}

// sendInTurn sends each record when it is due, from a thread of its own: the scheduler's timers are late.
func sendInTurn(client *kgo.Client, o Options, run uint64, total int64, started time.Time, seen *counted) error {
	runtime.LockOSThread()
	const prSetTimerSlack, slackNs = 29, 1_000
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, slackNs, 0)
	ctx := context.Background()
	for index := range total {
		due := time.Duration(index * 1_000_000_000 / o.Rate)
		if wait := due - time.Since(started); wait > 0 {
			span := syscall.NsecToTimespec(wait.Nanoseconds())
			syscall.Nanosleep(&span, nil)
		}
		value := make([]byte, max(o.Size, 16))
		binary.BigEndian.PutUint64(value, run)
		binary.BigEndian.PutUint64(value[8:], uint64(due))
		client.Produce(ctx, kgo.SliceRecord(value), seen.promise)
	}
	return client.Flush(ctx)
}
