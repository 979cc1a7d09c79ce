package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// record is one line of the records file; encoding/json reads base64 into bytes and keeps null apart from empty.
type record struct {
	Partition int32
	Offset    int64
	Timestamp *int64
	Key       []byte
	Value     []byte
	Headers   []header
}

type header struct {
	name  string
	value []byte
}

func (h *header) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&h.name, &h.value})
}

func loadRecords(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []record
	for decoder := json.NewDecoder(bufio.NewReader(file)); decoder.More(); {
		var one record
		if err := decoder.Decode(&one); err != nil {
			return nil, err
		}
		records = append(records, one)
	}
	return records, nil
}

func byPartition(records []record) map[int32][]record {
	partitions := map[int32][]record{}
	for _, one := range records {
		partitions[one.Partition] = append(partitions[one.Partition], one)
	}
	return partitions
}

// kafka is the record as franz-go sends it.
func (r record) kafka(topic string) *kgo.Record {
	sent := &kgo.Record{Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	if r.Timestamp != nil {
		sent.Timestamp = time.UnixMilli(*r.Timestamp)
	}
	for _, h := range r.Headers {
		sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
	}
	return sent
}

// check compares what was read with the record that was written.
func (r record) check(got *kgo.Record) error {
	where := fmt.Sprintf("%s-%d record %d", got.Topic, r.Partition, r.Offset)
	var headers []header
	for _, h := range got.Headers {
		headers = append(headers, header{h.Key, h.Value})
	}
	want := r.Headers
	if len(want) == 0 {
		want = nil
	}
	return all(
		func() error { return expect(where+" offset", got.Offset, r.Offset) },
		func() error { return expect(where+" key", got.Key, r.Key) },
		func() error { return expect(where+" value", got.Value, r.Value) },
		func() error { return expect(where+" headers", headers, want) },
		func() error {
			if r.Timestamp == nil {
				return expectRecent(where+" timestamp", got.Timestamp)
			}
			return expect(where+" timestamp", got.Timestamp.UnixMilli(), *r.Timestamp)
		},
		func() error { return expect(where+" type of time", got.Attrs.TimestampType(), createTime) },
	)
}
