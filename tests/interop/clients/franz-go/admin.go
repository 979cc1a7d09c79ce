package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func admin(r *run) error {
	topic := r.prefix + "-franz-go-admin"
	client, err := r.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	return all(
		func() error { return r.checkCluster(client) },
		func() error {
			return r.create(topic, 2, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "2000"})
		},
		func() error { return r.checkTopic(client, topic, 2) },
		func() error {
			grown, err := client.UpdatePartitions(r.ctx, 5, topic)
			return errors.Join(err, grown.Error())
		},
		func() error { return r.checkTopic(client, topic, 5) },
		func() error { return r.checkConfigs(client, topic) },
		func() error { return r.checkEpochs(client, topic) },
		func() error { return r.checkDeleteRecords(client, topic) },
		func() error { return r.checkDelete(client, topic) },
	)
}

func (r *run) checkCluster(client *kadm.Client) error {
	versions, err := client.ApiVersions(r.ctx)
	if err != nil {
		return err
	}
	versions.Each(func(v kadm.BrokerApiVersions) { err = errors.Join(err, v.Err) })
	metadata, metadataErr := client.BrokerMetadata(r.ctx)
	if err = errors.Join(err, metadataErr); err != nil {
		return err
	}
	return all(
		func() error { return expect("there is a cluster id", metadata.Cluster != "", true) },
		func() error {
			return expect("the controller is a node", contains(metadata.Brokers.NodeIDs(), metadata.Controller), true)
		},
	)
}

func contains(ids []int32, id int32) bool {
	for _, one := range ids {
		if one == id {
			return true
		}
	}
	return false
}

func (r *run) checkTopic(client *kadm.Client, topic string, partitions int) error {
	var detail kadm.TopicDetail
	// A broker may learn of a change a little later than the controller that answered.
	err := eventually("partitions", func() (any, error) {
		found, err := client.ListTopics(r.ctx, topic)
		detail = found[topic]
		return len(detail.Partitions), errors.Join(err, found.Error())
	}, partitions)
	if err != nil {
		return err
	}
	if err := expect("there is a topic id", detail.ID != kadm.TopicID{}, true); err != nil {
		return err
	}
	for _, p := range detail.Partitions.Sorted() {
		alone := []int32{p.Leader}
		if err := errors.Join(p.Err, expect("replicas", p.Replicas, alone), expect("in-sync replicas", p.ISR, alone)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) checkConfigs(client *kadm.Client, topic string) error {
	find := func(name string) (any, error) {
		described, err := client.DescribeTopicConfigs(r.ctx, topic)
		if err != nil {
			return nil, err
		}
		of, err := described.On(topic, nil)
		if err = errors.Join(err, of.Err); err != nil {
			return nil, err
		}
		for _, config := range of.Configs {
			if config.Key == name {
				return config.MaybeValue() + " " + config.Source.String(), nil
			}
		}
		return "nothing", nil
	}
	// A broker may learn of a change a little later than the controller that answered.
	check := func(when, name, value string, source kmsg.ConfigSource) error {
		return eventually(when+" "+name, func() (any, error) { return find(name) }, value+" "+source.String())
	}
	alter := func(op kadm.IncrementalOp, name, value string) error {
		altered, err := client.AlterTopicConfigs(r.ctx, []kadm.AlterConfig{{Op: op, Name: name, Value: kadm.StringPtr(value)}}, topic)
		if err != nil {
			return err
		}
		of, err := altered.On(topic, nil)
		return errors.Join(err, of.Err)
	}
	own, standard := kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigSourceDefaultConfig
	return all(
		func() error { return check("at first", "cleanup.policy", "compact", own) },
		func() error { return check("at first", "segment.bytes", "1073741824", standard) },
		func() error { return alter(kadm.SetConfig, "max.message.bytes", "3000") },
		func() error { return check("after SET", "max.message.bytes", "3000", own) },
		func() error { return alter(kadm.AppendConfig, "cleanup.policy", "delete") },
		func() error { return check("after APPEND", "cleanup.policy", "compact,delete", own) },
		func() error { return alter(kadm.SubtractConfig, "cleanup.policy", "compact") },
		func() error { return check("after SUBTRACT", "cleanup.policy", "delete", own) },
		func() error { return alter(kadm.DeleteConfig, "max.message.bytes", "") },
		func() error { return check("after DELETE", "max.message.bytes", "1048588", standard) },
	)
}

// checkEpochs asks where the partition's leader epoch ends: at its log end.
func (r *run) checkEpochs(client *kadm.Client, topic string) error {
	if err := r.writeTimes(topic); err != nil {
		return err
	}
	listed, err := client.ListEndOffsets(r.ctx, topic)
	if err = errors.Join(err, listed.Error()); err != nil {
		return err
	}
	end, _ := listed.Lookup(topic, 0)
	var request kadm.OffsetForLeaderEpochRequest
	request.Add(topic, 0, end.LeaderEpoch)
	answer, err := client.OffsetForLeaderEpoch(r.ctx, request)
	if err != nil {
		return err
	}
	found := answer[topic][0]
	return errors.Join(found.Err,
		expect("end of the leader epoch", found.EndOffset, end.Offset),
		expect("its epoch", found.LeaderEpoch, end.LeaderEpoch))
}

func (r *run) checkDeleteRecords(client *kadm.Client, topic string) error {
	var until kadm.Offsets
	until.AddOffset(topic, 0, 3, -1)
	deleted, err := client.DeleteRecords(r.ctx, until)
	if err = errors.Join(err, deleted.Error()); err != nil {
		return err
	}
	answer, _ := deleted.Lookup(topic, 0)
	if err := expect("low watermark", answer.LowWatermark, int64(3)); err != nil {
		return err
	}
	left, err := r.read(topic, 1, 3)
	if err != nil {
		return err
	}
	return errors.Join(expect("records left", len(left[0]), 1), expect("offset of what is left", left[0][0].Offset, int64(3)))
}

func (r *run) checkDelete(client *kadm.Client, topic string) error {
	deleted, err := client.DeleteTopics(r.ctx, topic)
	if err = errors.Join(err, deleted.Error()); err != nil {
		return err
	}
	return eventually("the topic is gone", func() (any, error) {
		every, err := client.ListTopics(r.ctx)
		return every.Has(topic), err
	}, false)
}

func errorCases(r *run) error {
	topic := r.prefix + "-franz-go-errors"
	nowhere, compacted := topic+"-unknown", topic+"-compacted"
	client, err := r.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	create := func(name string, partitions int32, replicas int16, configs map[string]*string) error {
		created, err := client.CreateTopic(r.ctx, partitions, replicas, configs, name)
		return errors.Join(err, created.Err)
	}
	send := func(to, key, value string) error {
		sent := &kgo.Record{Topic: to, Value: []byte(value)}
		if key != "" {
			sent.Key = []byte(key)
		}
		return r.write([]*kgo.Record{sent}, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	if err := errors.Join(
		r.create(topic, 1, map[string]string{"max.message.bytes": "2000"}),
		r.create(compacted, 1, map[string]string{"cleanup.policy": "compact"}),
	); err != nil {
		return err
	}
	for _, c := range []struct {
		what   string
		want   error
		action func() error
	}{
		{"create a topic that is there", kerr.TopicAlreadyExists, func() error { return create(topic, 1, 1, nil) }},
		{"create a topic with a bad name", kerr.InvalidTopicException, func() error { return create("a/b", 1, 1, nil) }},
		{"create a topic of no partitions", kerr.InvalidPartitions, func() error { return create(nowhere, 0, 1, nil) }},
		{"create a topic of too many replicas", kerr.InvalidReplicationFactor, func() error { return create(nowhere, 1, 3, nil) }},
		{"create a topic with an unknown config", kerr.InvalidConfig, func() error {
			return create(nowhere, 1, 1, map[string]*string{"colour": kadm.StringPtr("red")})
		}},
		{"delete an unknown topic", kerr.UnknownTopicOrPartition, func() error {
			deleted, err := client.DeleteTopics(r.ctx, nowhere)
			return errors.Join(err, deleted.Error())
		}},
		{"describe an unknown topic", kerr.UnknownTopicOrPartition, func() error {
			found, err := client.ListTopics(r.ctx, nowhere)
			return errors.Join(err, found.Error())
		}},
		{"fewer partitions", kerr.InvalidPartitions, func() error {
			grown, err := client.UpdatePartitions(r.ctx, 1, topic)
			return errors.Join(err, grown.Error())
		}},
		{"set a bad config", kerr.InvalidConfig, func() error {
			change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("soon")}}
			altered, err := client.AlterTopicConfigs(r.ctx, change, topic)
			if err != nil {
				return err
			}
			of, err := altered.On(topic, nil)
			return errors.Join(err, of.Err)
		}},
		{"a record that is too large", kerr.MessageTooLarge, func() error { return send(topic, "k", strings.Repeat("x", 3000)) }},
		{"no key in a compacted topic", kerr.InvalidRecord, func() error { return send(compacted, "", "v") }},
		{"a good record after them", nil, func() error { return send(topic, "k", "v") }},
		{"read above the end", kerr.OffsetOutOfRange, func() error { return r.readAbove(topic) }},
	} {
		if err := c.action(); !errors.Is(err, c.want) {
			return fmt.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
	return nil
}

// readAbove polls an offset that is not there yet and returns what the client says of it.
func (r *run) readAbove(topic string) error {
	client, err := r.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(9)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.PollFetches(r.ctx).Err()
}
