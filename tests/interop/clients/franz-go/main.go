// Interop scenarios of franz-go: the newest version of every message, topics by id.
//
//	franz-go SCENARIO --bootstrap HOST:PORT [--prefix NAME] [--topic NAME]... [--records FILE] [--codec NAME]
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const deadline = 60 * time.Second

var scenarios = map[string]func(*run) error{
	"produce":         produce,
	"consume":         consume,
	"acks":            acks,
	"offsets":         offsets,
	"log-append-time": logAppendTime,
	"admin":           admin,
	"errors":          errorCases,
	"group-admin":     groupAdmin,
	"steady":          steady,
	"refused":         refused,
	"member":          member,
	"writer":          writer,
	"transactor":      transactor,
	"copier":          copier,
}

// run is what every scenario gets: its arguments, and an end to waiting.
type run struct {
	ctx       context.Context
	bootstrap string
	prefix    string
	topics    []string
	records   string
	codec     string
	group     string
	assignor  string
	instance  string
	session   time.Duration
	writer    int
	steady    time.Duration
	security  []kgo.Opt
	isolation string
	id        string
	timeoutMs int
	hold      int
}

func main() {
	if len(os.Args) < 2 || scenarios[os.Args[1]] == nil {
		names := slices.Sorted(maps.Keys(scenarios))
		fmt.Fprintf(os.Stderr, "usage: franz-go %s --bootstrap HOST:PORT\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	name, r := os.Args[1], &run{}
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.StringVar(&r.bootstrap, "bootstrap", "", "HOST:PORT of a broker")
	flags.StringVar(&r.prefix, "prefix", "interop", "begins the name of every topic that the scenario makes")
	flags.StringVar(&r.records, "records", "", "the records in the topic, as JSON lines")
	flags.StringVar(&r.codec, "codec", "none", "compression")
	flags.StringVar(&r.group, "group", "", "group to join")
	flags.StringVar(&r.assignor, "assignor", "range", "how the group's partitions are shared")
	flags.StringVar(&r.instance, "instance", "", "group instance id, for static membership")
	seconds := flags.Float64("seconds", 8, "how long it lasts")
	flags.Func("security", "how to connect: a file that ring/security.py describes", func(file string) error {
		var err error
		r.security, err = security(file)
		return err
	})
	sessionMs := flags.Int("session-ms", 6_000, "session timeout")
	flags.StringVar(&r.isolation, "isolation", "read_uncommitted", "what a reader sees")
	flags.StringVar(&r.id, "id", "", "transactional id")
	flags.IntVar(&r.timeoutMs, "timeout-ms", 60_000, "how long a transaction may last")
	flags.IntVar(&r.hold, "hold", 0, "leaves its Nth transaction open")
	flags.IntVar(&r.writer, "writer", 0, "its number")
	flags.Func("topic", "topic to write or read", func(topic string) error {
		r.topics = append(r.topics, topic)
		return nil
	})
	flags.Parse(os.Args[2:])
	r.session = time.Duration(*sessionMs) * time.Millisecond
	r.steady = time.Duration(*seconds * float64(time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	defer cancel()
	r.ctx = ctx
	if err := scenarios[name](r); err != nil {
		fmt.Fprintf(os.Stderr, "FAILED franz-go %s: %v\n", name, err)
		os.Exit(1)
	}
	fmt.Printf("ok franz-go %s\n", name)
}

// client connects; whoever calls it closes it.
func (r *run) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(r.opts(opts...)...)
}

// opts adds how every client finds the broker and is let in.
func (r *run) opts(opts ...kgo.Opt) []kgo.Opt {
	return slices.Concat([]kgo.Opt{kgo.SeedBrokers(r.bootstrap)}, r.security, opts)
}

// admin connects an admin client.
func (r *run) admin() (*kadm.Client, error) {
	client, err := r.client()
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

// create makes one topic; without configs it keeps records of any age.
func (r *run) create(topic string, partitions int32, configs map[string]string) error {
	client, err := r.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	values := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	for name, value := range configs {
		values[name] = kadm.StringPtr(value)
	}
	created, err := client.CreateTopic(r.ctx, partitions, 1, values, topic)
	if err != nil {
		return err
	}
	if err := expect("created partitions", created.NumPartitions, partitions); err != nil {
		return err
	}
	// A broker may learn of it a little later than the controller that answered.
	return eventually("the topic is listed", func() (any, error) {
		every, err := client.ListTopics(r.ctx)
		return every.Has(topic), err
	}, true)
}

func expect(what string, got, want any) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %s, want %s", what, shorten(got), shorten(want))
}

// expectRecent wants a time within an hour of this machine's clock.
func expectRecent(what string, at time.Time) error {
	if time.Since(at).Abs() > time.Hour {
		return fmt.Errorf("%s: got %v, want the present time", what, at)
	}
	return nil
}

func shorten(value any) string {
	text := fmt.Sprintf("%#v", value)
	if len(text) > 160 {
		return fmt.Sprintf("%s...%s (%d characters)", text[:80], text[len(text)-80:], len(text))
	}
	return text
}

// eventually asks again until the answer is the wanted one.
func eventually(what string, probe func() (any, error), want any) error {
	until := time.Now().Add(deadline)
	for {
		got, err := probe()
		if err != nil {
			return err
		}
		if err := expect(what, got, want); err == nil || time.Now().After(until) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// all runs steps in order and stops at the first that fails.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
