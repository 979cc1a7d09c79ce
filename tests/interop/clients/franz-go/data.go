package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	createTime = int8(0)
	appendTime = int8(1)
)

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

var isolations = map[string]kgo.IsolationLevel{
	"read_uncommitted": kgo.ReadUncommitted(),
	"read_committed":   kgo.ReadCommitted(),
}

// times tell every kind of offset look-up apart: by time and by largest time.
var times = []int64{1_700_000_000_000, 1_700_000_001_000, 1_700_000_005_000, 1_700_000_002_000}

// write sends records to the partitions that they name and returns the first failure.
func (r *run) write(records []*kgo.Record, opts ...kgo.Opt) error {
	client, err := r.client(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(r.ctx, records...).FirstErr()
}

// read reads from an offset to the end of each partition, markers of transactions and all.
func (r *run) read(topic string, partitions int32, from int64) (map[int32][]*kgo.Record, error) {
	starts := map[int32]kgo.Offset{}
	for p := range partitions {
		starts[p] = kgo.NewOffset().At(from)
	}
	client, err := r.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(50*time.Millisecond),
		kgo.FetchIsolationLevel(isolations[r.isolation]),
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(r.ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, err
	}
	missing := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > from {
			missing[end.Partition] = end.Offset
		}
	})
	found := map[int32][]*kgo.Record{}
	for len(missing) > 0 {
		fetches := client.PollFetches(r.ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(one *kgo.Record) {
			if !one.Attrs.IsControl() {
				found[one.Partition] = append(found[one.Partition], one)
			}
			// What was aborted is not there, but its marker is.
			if one.Offset+1 >= missing[one.Partition] {
				delete(missing, one.Partition)
			}
		})
	}
	return found, nil
}

func produce(r *run) error {
	records, err := loadRecords(r.records)
	if err != nil {
		return err
	}
	topic := r.topics[0]
	if err := r.create(topic, int32(len(byPartition(records))), nil); err != nil {
		return err
	}
	var sent []*kgo.Record
	for _, one := range records {
		sent = append(sent, one.kafka(topic))
	}
	opts := []kgo.Opt{kgo.ProducerBatchCompression(codecs[r.codec]), kgo.MaxBufferedRecords(300)}
	if err := r.write(sent, opts...); err != nil {
		return err
	}
	for i, one := range records {
		if err := expect(fmt.Sprintf("offset of record %d", i), sent[i].Offset, one.Offset); err != nil {
			return err
		}
	}
	return nil
}

func consume(r *run) error {
	records, err := loadRecords(r.records)
	if err != nil {
		return err
	}
	want := byPartition(records)
	for _, topic := range r.topics {
		found, err := r.read(topic, int32(len(want)), 0)
		if err != nil {
			return err
		}
		for p, expected := range want {
			got := found[p]
			for i := range min(len(got), len(expected)) {
				if err := expected[i].check(got[i]); err != nil {
					return err
				}
			}
			if err := expect(fmt.Sprintf("%s-%d number of records", topic, p), len(got), len(expected)); err != nil {
				return err
			}
		}
	}
	return nil
}

func acks(r *run) error {
	for name, opts := range map[string][]kgo.Opt{
		"0":          {kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()},
		"1":          {kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()},
		"all":        {kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableIdempotentWrite()},
		"idempotent": {kgo.MaxBufferedRecords(50), kgo.ProducerLinger(0)},
	} {
		topic := r.prefix + "-franz-go-acks-" + name
		if err := r.create(topic, 1, nil); err != nil {
			return err
		}
		var sent []*kgo.Record
		var want []string
		for i := range 1000 {
			want = append(want, strconv.Itoa(i))
			sent = append(sent, &kgo.Record{Topic: topic, Value: []byte(want[i])})
		}
		if err := r.write(sent, opts...); err != nil {
			return fmt.Errorf("acks=%s: %w", name, err)
		}
		err := eventually("values with acks="+name, func() (any, error) {
			found, err := r.read(topic, 1, 0)
			var got []string
			for _, one := range found[0] {
				got = append(got, string(one.Value))
			}
			return got, err
		}, want)
		if err != nil {
			return err
		}
	}
	return nil
}

// writeTimes writes one record for each of the times.
func (r *run) writeTimes(topic string, opts ...kgo.Opt) error {
	var sent []*kgo.Record
	for _, t := range times {
		sent = append(sent, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(t)})
	}
	return r.write(sent, opts...)
}

func offsets(r *run) error {
	topic := r.prefix + "-franz-go-offsets"
	client, err := r.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	lookup := func(what string, list func() (kadm.ListedOffsets, error), partition int32, offset, timestamp int64) error {
		listed, err := list()
		if err = errors.Join(err, listed.Error()); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		found, _ := listed.Lookup(topic, partition)
		return expect(what, [2]int64{found.Offset, found.Timestamp}, [2]int64{offset, timestamp})
	}
	start := func() (kadm.ListedOffsets, error) { return client.ListStartOffsets(r.ctx, topic) }
	end := func() (kadm.ListedOffsets, error) { return client.ListEndOffsets(r.ctx, topic) }
	largest := func() (kadm.ListedOffsets, error) { return client.ListMaxTimestampOffsets(r.ctx, topic) }
	from := func(t int64) func() (kadm.ListedOffsets, error) {
		return func() (kadm.ListedOffsets, error) { return client.ListOffsetsAfterMilli(r.ctx, t, topic) }
	}
	return all(
		func() error { return r.create(topic, 2, nil) },
		func() error { return r.writeTimes(topic) },
		func() error { return lookup("start", start, 0, 0, -1) },
		func() error { return lookup("end", end, 0, 4, -1) },
		func() error { return lookup("end of nothing", end, 1, 0, -1) },
		func() error { return lookup("largest time", largest, 0, 2, times[2]) },
		func() error { return lookup("from the beginning of time", from(0), 0, 0, times[0]) },
		func() error { return lookup("from the first time", from(times[0]), 0, 0, times[0]) },
		func() error { return lookup("from just after it", from(times[0]+1), 0, 1, times[1]) },
		func() error { return lookup("from the largest time", from(times[2]), 0, 2, times[2]) },
		// For a time after the last record franz-go asks for the end itself.
		func() error { return lookup("from after the last", from(times[2]+1), 0, 4, -1) },
	)
}

func logAppendTime(r *run) error {
	topic := r.prefix + "-franz-go-append-time"
	err := all(
		func() error { return r.create(topic, 1, map[string]string{"message.timestamp.type": "LogAppendTime"}) },
		func() error { return r.writeTimes(topic, kgo.ProducerBatchCompression(kgo.NoCompression())) },
		func() error { return r.writeTimes(topic, kgo.ProducerBatchCompression(kgo.Lz4Compression())) },
	)
	if err != nil {
		return err
	}
	found, err := r.read(topic, 1, 0)
	if err != nil {
		return err
	}
	for _, one := range found[0] {
		err := errors.Join(expect("type of time", one.Attrs.TimestampType(), appendTime), expectRecent("time", one.Timestamp))
		if err != nil {
			return err
		}
	}
	return expect("number of records", len(found[0]), 2*len(times))
}
