package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How many records a copier takes into a transaction.
const copiedAtOnce = 10

// command is a line that a transactor is told (see ring/transactor.py).
type command struct {
	Do      string
	Topic   string
	Records []record
}

// transactor does with one transactional producer what it is told on standard input.
func transactor(r *run) error {
	client, err := r.client(r.transactional()...)
	if err != nil {
		return err
	}
	said := &groupMember{}
	for input := json.NewDecoder(os.Stdin); ; {
		var told command
		if err := input.Decode(&told); errors.Is(err, io.EOF) {
			// As if it were killed: nothing is closed.
			os.Exit(0)
		} else if err != nil {
			return err
		}
		if err := told.obey(client); err != nil {
			fmt.Fprintln(os.Stderr, err)
			said.say("failed", map[string]any{"why": nameOf(err)})
		} else {
			said.say("done", nil)
		}
	}
}

func (c command) obey(client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	switch c.Do {
	case "init":
		_, _, err := client.ProducerID(ctx)
		return err
	case "begin":
		return client.BeginTransaction()
	case "send":
		var sent []*kgo.Record
		for _, one := range c.Records {
			sent = append(sent, one.kafka(c.Topic))
		}
		return client.ProduceSync(ctx, sent...).FirstErr()
	case "commit":
		return client.EndTransaction(ctx, kgo.TryCommit)
	case "abort":
		return client.EndTransaction(ctx, kgo.TryAbort)
	}
	return fmt.Errorf("unknown command %q", c.Do)
}

// transactional is how a producer is made that has a transactional id.
func (r *run) transactional() []kgo.Opt {
	return []kgo.Opt{
		kgo.TransactionalID(r.id),
		kgo.TransactionTimeout(time.Duration(r.timeoutMs) * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[r.codec]),
	}
}

func nameOf(err error) string {
	var known *kerr.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}

// copier copies what was committed from one topic to another, in transactions.
func copier(r *run) error {
	opts := append(r.memberOpts(r.topics[0]), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets())
	session, err := kgo.NewGroupTransactSession(r.opts(append(opts, r.transactional()...)...)...)
	if err != nil {
		return err
	}
	// Not the context of other scenarios: a copier goes on until its input ends.
	ctx := untilInputEnds()
	if _, _, err := session.Client().ProducerID(ctx); err != nil {
		return err
	}
	for number := 1; ctx.Err() == nil; {
		fetches := session.PollRecords(ctx, copiedAtOnce)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		if records := fetches.Records(); len(records) > 0 {
			if err := r.copy(session, records, number == r.hold); err != nil {
				return err
			}
			number++
		}
		session.AllowRebalance()
	}
	session.CloseAllowingRebalance()
	(&groupMember{}).say("closed", nil)
	return nil
}

func (r *run) copy(session *kgo.GroupTransactSession, records []*kgo.Record, holds bool) error {
	if err := session.Begin(); err != nil {
		return err
	}
	var copies []*kgo.Record
	for _, one := range records {
		copies = append(copies, &kgo.Record{Topic: r.topics[1], Partition: one.Partition, Value: one.Value,
			Key: fmt.Appendf(nil, "%d:%d", one.Partition, one.Offset)})
	}
	ctx, said := context.Background(), &groupMember{}
	if err := session.ProduceSync(ctx, copies...).FirstErr(); err != nil {
		return err
	}
	if holds {
		said.say("held", nil)
		select {}
	}
	committed, err := session.End(ctx, kgo.TryCommit)
	if err == nil && committed {
		said.say("copied", map[string]any{"count": len(records)})
	}
	return err
}
