package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var balancers = map[string]kgo.GroupBalancer{
	"range":              kgo.RangeBalancer(),
	"roundrobin":         kgo.RoundRobinBalancer(),
	"sticky":             kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

// groupMember is a member of a group that says in JSON lines what it does (see ring/member.py).
type groupMember struct {
	run    *run
	topic  string
	client *kgo.Client
	lock   sync.Mutex // callbacks come from other goroutines
	unseen map[int32]bool
}

func member(r *run) error {
	m := &groupMember{run: r, topic: r.topics[0], unseen: map[int32]bool{}}
	client, err := r.client(append(r.memberOpts(m.topic),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.gone("revoked")),
		kgo.OnPartitionsLost(m.gone("lost")))...)
	if err != nil {
		return err
	}
	m.client = client
	// Not the context of other scenarios: a member goes on until its input ends.
	if err := m.consume(untilInputEnds()); err != nil {
		return err
	}
	client.CloseAllowingRebalance()
	m.say("closed", nil)
	return nil
}

// memberOpts is how a member is made as the command line says.
func (r *run) memberOpts(topic string) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(r.group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.Balancers(balancers[r.assignor]),
		kgo.SessionTimeout(r.session),
		kgo.HeartbeatInterval(300 * time.Millisecond),
		kgo.FetchMaxWait(100 * time.Millisecond),
	}
	if r.instance != "" {
		opts = append(opts, kgo.InstanceID(r.instance))
	}
	return opts
}

// untilInputEnds is done when standard input has ended.
func untilInputEnds() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

func (m *groupMember) consume(ctx context.Context) error {
	for ctx.Err() == nil {
		fetches := m.client.PollFetches(ctx)
		// It joins again by itself.
		var session *kgo.ErrGroupSession
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, &session) {
			return err
		}
		if err := m.find(); err != nil {
			return err
		}
		records := fetches.Records()
		for _, one := range records {
			m.say("record", map[string]any{"partition": one.Partition, "offset": one.Offset})
		}
		if len(records) > 0 {
			m.commit(records)
		}
		m.client.AllowRebalance()
	}
	return nil
}

// find says what was committed for partitions that were assigned since the last call.
func (m *groupMember) find() error {
	m.lock.Lock()
	unseen := slices.Collect(maps.Keys(m.unseen))
	clear(m.unseen)
	m.lock.Unlock()
	if len(unseen) == 0 {
		return nil
	}
	offsets, err := kadm.NewClient(m.client).FetchOffsets(context.Background(), m.run.group)
	if err != nil {
		return err
	}
	for _, partition := range unseen {
		if found, ok := offsets.Lookup(m.topic, partition); ok && found.At >= 0 {
			m.say("found", map[string]any{"partition": partition, "offset": found.At, "metadata": found.Metadata})
		}
	}
	return nil
}

func (m *groupMember) commit(records []*kgo.Record) {
	committed := map[int32]int64{}
	ctx := kgo.PreCommitFnContext(context.Background(), func(request *kmsg.OffsetCommitRequest) error {
		for _, topic := range request.Topics {
			for i := range topic.Partitions {
				partition := &topic.Partitions[i]
				partition.Metadata = kadm.StringPtr(fmt.Sprintf("franz-go at %d", partition.Offset))
				committed[partition.Partition] = partition.Offset
			}
		}
		return nil
	})
	if err := m.client.CommitRecords(ctx, records...); err != nil {
		m.say("commit-failed", map[string]any{"why": err.Error()})
		return
	}
	m.say("committed", map[string]any{"offsets": committed})
}

func (m *groupMember) assigned(_ context.Context, client *kgo.Client, assigned map[string][]int32) {
	id, generation := client.GroupMetadata()
	partitions := assigned[m.topic]
	m.lock.Lock()
	for _, partition := range partitions {
		m.unseen[partition] = true
	}
	m.lock.Unlock()
	m.say("assigned", map[string]any{"partitions": sorted(partitions), "member": id, "generation": generation})
}

func (m *groupMember) gone(event string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
		m.lock.Lock()
		for _, partition := range gone[m.topic] {
			delete(m.unseen, partition)
		}
		m.lock.Unlock()
		m.say(event, map[string]any{"partitions": sorted(gone[m.topic])})
	}
}

func (m *groupMember) say(event string, more map[string]any) {
	line := map[string]any{"event": event, "at": time.Now().UnixMilli()}
	maps.Copy(line, more)
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	fmt.Println(string(text))
}

// sorted is never nil, so that no partitions are an empty list and not null.
func sorted(partitions []int32) []int32 {
	partitions = append([]int32{}, partitions...)
	slices.Sort(partitions)
	return partitions
}
