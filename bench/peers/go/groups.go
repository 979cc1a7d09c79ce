package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	commitInterval = time.Second
	joinPatience   = 180 * time.Second
	// joiningAtOnce members are on their way into their groups: Apache Kafka lets 50 connections wait to be accepted.
	joiningAtOnce = 50
)

// shares knows how many partitions each member has.
type shares struct {
	mu      sync.Mutex
	whole   int
	held    []int
	changed chan struct{}
}

func (s *shares) change(index, by int) {
	s.mu.Lock()
	s.held[index] += by
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// full counts the members that have exactly their share.
func (s *shares) full() (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, held := range s.held {
		if held == s.whole {
			count++
		}
	}
	return count
}

// groups starts all members, each with a client of its own, waits until each has its share, and lets them heartbeat, poll
// and commit once a second each for a while.
func groups(o Options) (*Report, error) {
	count := o.Groups * o.Members
	shares := &shares{whole: o.Partitions / o.Members, held: make([]int, count), changed: make(chan struct{}, 1)}
	var seen counted
	latencies := make([][]time.Duration, count)
	window, doors := make(chan time.Time), make(chan struct{}, joiningAtOnce)
	over, leave := make(chan struct{}, count), make(chan struct{})
	failed := make(chan error, count)
	var ended sync.WaitGroup
	starting := startMeter()
	for index := range count {
		m := &member{o: o, index: index, count: count, shares: shares, seen: &seen, latencies: &latencies[index],
			offsets: map[int32]kgo.EpochOffset{}, joined: sync.OnceFunc(func() { <-doors })}
		ended.Add(1)
		go func() {
			defer ended.Done()
			doors <- struct{}{}
			client, err := m.join()
			if err != nil {
				failed <- err
				return
			}
			defer client.Close()
			stop := m.keepPolling(client, failed)
			defer stop()
			m.commitInTurn(client, <-window)
			over <- struct{}{}
			<-leave
		}()
	}
	late := time.After(joinPatience)
	for shares.full() < count {
		select {
		case <-shares.changed:
		case err := <-failed:
			return nil, err
		case <-late:
			return nil, fmt.Errorf("%d of %d members got their partitions", shares.full(), count)
		}
	}
	start := starting.report("start", 0, 0, 0, 0)
	fmt.Println(`{"mark":"joined"}`)
	meter := startMeter()
	began := time.Now()
	for range count {
		window <- began
	}
	for range count {
		select {
		case <-over:
		case err := <-failed:
			return nil, err
		}
	}
	report := meter.report("groups", 0, seen.acked.Load(), seen.errors.Load(), seen.acked.Load()+seen.errors.Load())
	fmt.Println(`{"mark":"over"}`)
	close(leave)
	ended.Wait()
	report.StartS, report.StartCPUS = start.WallS, start.CPUS
	var all []time.Duration
	for _, its := range latencies {
		all = append(all, its...)
	}
	report.Latency = quantiles(all)
	return report, nil
}

type member struct {
	o            Options
	index, count int
	shares       *shares
	seen         *counted
	latencies    *[]time.Duration

	mu sync.Mutex
	// offsets to commit, of the partitions that it has.
	offsets map[int32]kgo.EpochOffset
	// joined is called when it is in its group.
	joined func()
}

func (m *member) join() (*kgo.Client, error) {
	come := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		m.mu.Lock()
		for _, partition := range partitions[m.o.Topic] {
			m.offsets[partition] = kgo.EpochOffset{Epoch: -1}
		}
		m.mu.Unlock()
		m.shares.change(m.index, len(partitions[m.o.Topic]))
		m.joined()
	}
	gone := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		m.mu.Lock()
		for _, partition := range partitions[m.o.Topic] {
			delete(m.offsets, partition)
		}
		m.mu.Unlock()
		m.shares.change(m.index, -len(partitions[m.o.Topic]))
	}
	return kgo.NewClient(kgo.SeedBrokers(m.o.Bootstrap), kgo.ConsumeTopics(m.o.Topic),
		kgo.ConsumerGroup(fmt.Sprintf("%s-%d-%d", m.o.Topic, os.Getpid(), m.index/m.o.Members)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(come), kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone))
}

// keepPolling polls until the function that it returns is called.
func (m *member) keepPolling(client *kgo.Client, failed chan<- error) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for ctx.Err() == nil {
			if err := client.PollFetches(ctx).Err(); err != nil && !errors.Is(err, context.Canceled) {
				failed <- err
				return
			}
		}
	}()
	return func() { cancel(); done.Wait() }
}

// commitInTurn commits at the member's own moment of each second, whatever became of the commit before.
func (m *member) commitInTurn(client *kgo.Client, began time.Time) {
	own := commitInterval * time.Duration(m.index) / time.Duration(m.count)
	for round := range m.o.Seconds {
		due := began.Add(own + time.Duration(round)*commitInterval)
		time.Sleep(time.Until(due))
		asked := time.Now()
		if err := m.commit(client); err != nil {
			m.seen.errors.Add(1)
			continue
		}
		m.seen.acked.Add(1)
		*m.latencies = append(*m.latencies, time.Since(asked))
	}
	time.Sleep(time.Until(began.Add(time.Duration(m.o.Seconds) * time.Second)))
}

// commit waits for the answer, and looks at it.
func (m *member) commit(client *kgo.Client) error {
	m.mu.Lock()
	offsets := map[string]map[int32]kgo.EpochOffset{m.o.Topic: maps.Clone(m.offsets)}
	m.mu.Unlock()
	var refused error
	client.CommitOffsetsSync(context.Background(), offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			refused = err
			if response == nil {
				return
			}
			for _, topic := range response.Topics {
				for _, partition := range topic.Partitions {
					refused = cmp.Or(refused, kerr.ErrorForCode(partition.ErrorCode))
				}
			}
		})
	return refused
}
