package main

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// groupAdmin is the life of a group that has committed and has no member.
func groupAdmin(r *run) error {
	topic := r.prefix + "-franz-go-group-admin"
	group := topic
	client, err := r.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	commit := func(partition int32, at int64, metadata string) error {
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1, Metadata: metadata})
		return client.CommitAllOffsets(r.ctx, group, offsets)
	}
	fetched := func() (map[int32]string, error) {
		offsets, err := client.FetchOffsets(r.ctx, group)
		found := map[int32]string{}
		offsets.Each(func(one kadm.OffsetResponse) {
			err = errors.Join(err, one.Err)
			found[one.Partition] = one.Metadata
		})
		return found, err
	}
	want := func(what string, want map[int32]string) error {
		found, err := fetched()
		return errors.Join(err, expect(what, found, want))
	}
	listed := func() (string, error) {
		groups, err := client.ListGroups(r.ctx)
		return groups[group].State, err
	}
	return all(
		func() error { return r.create(topic, 2, nil) },
		func() error { return want("offsets of a group that is not there", map[int32]string{}) },
		func() error { return commit(0, 7, "first") },
		func() error { return commit(1, 3, "second") },
		func() error { return want("texts", map[int32]string{0: "first", 1: "second"}) },
		func() error {
			state, err := listed()
			return errors.Join(err, expect("state in which it is listed", state, "Empty"))
		},
		func() error {
			described, err := client.DescribeGroups(r.ctx, group)
			return errors.Join(err, described.Error(), expect("state", described[group].State, "Empty"))
		},
		func() error {
			lags, err := client.Lag(r.ctx, group)
			return errors.Join(err, lags.Error(), expect("its lag is known", len(lags[group].Lag[topic]), 2))
		},
		func() error {
			partitions := kadm.TopicsSet{}
			partitions.Add(topic, 0)
			deleted, err := client.DeleteOffsets(r.ctx, group, partitions)
			return errors.Join(err, deleted.Error())
		},
		func() error { return want("texts that are left", map[int32]string{1: "second"}) },
		func() error {
			_, err := client.DeleteGroup(r.ctx, group)
			return err
		},
		func() error {
			state, err := listed()
			return errors.Join(err, expect("state in which it is listed then", state, ""))
		},
		func() error {
			_, err := client.DeleteGroup(r.ctx, group)
			return expect("delete it again", errors.Is(err, kerr.GroupIDNotFound), true)
		},
	)
}
