// Command franz-go is kestrel-bench's work through franz-go: the same command line, the same line of JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// Options is what the command line says; each peer understands the same.
type Options struct {
	Bootstrap, Topic, Settings string
	Acks, Compression          string
	Idempotent                 bool
	Size, LingerMs, BatchBytes int
	Inflight, BufferBytes      int
	Records, Rate              int64
	Seconds, WarmupSeconds     int64
	Groups, Members            int
	Partitions                 int
	TLSCa, Isolation           string
	PerTransaction             int64
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("one of produce, consume, e2e, transactions, groups is wanted"))
	}
	options, err := parse(os.Args[2:])
	if err != nil {
		fail(err)
	}
	var report *Report
	switch work := os.Args[1]; work {
	case "produce":
		report, err = produce(options)
	case "consume":
		report, err = consume(options)
	case "e2e":
		report, err = endToEnd(options)
	case "transactions":
		report, err = transactions(options)
	case "groups":
		report, err = groups(options)
	default:
		err = fmt.Errorf("no work %q", work)
	}
	if err != nil {
		fail(err)
	}
	line, _ := json.Marshal(report)
	fmt.Println(string(line))
	if report.Errors > 0 {
		fail(fmt.Errorf("%d records failed", report.Errors))
	}
}

func parse(words []string) (Options, error) {
	var o Options
	var client string
	var threads int
	flags := flag.NewFlagSet("franz-go", flag.ContinueOnError)
	flags.StringVar(&client, "client", "franz-go", "always franz-go")
	flags.IntVar(&o.Partitions, "partitions", 0, "of the topic, which has to be there")
	flags.IntVar(&o.Groups, "groups", 1, "groups")
	flags.IntVar(&o.Members, "members", 1, "members of each group")
	flags.IntVar(&threads, "threads", 0, "ignored: Go decides")
	flags.StringVar(&o.Bootstrap, "bootstrap", "127.0.0.1:9092", "bootstrap servers")
	flags.StringVar(&o.Topic, "topic", "bench", "the topic")
	flags.StringVar(&o.Settings, "settings", "matched", "matched or defaults")
	flags.StringVar(&o.Acks, "acks", "all", "all, 1 or 0")
	flags.StringVar(&o.Compression, "compression", "none", "none, gzip, snappy, lz4 or zstd")
	flags.BoolVar(&o.Idempotent, "idempotent", true, "idempotent producer")
	flags.IntVar(&o.Size, "size", 100, "bytes of a value")
	flags.IntVar(&o.LingerMs, "linger-ms", 5, "linger in milliseconds")
	flags.IntVar(&o.BatchBytes, "batch-bytes", 262_144, "largest batch")
	flags.IntVar(&o.Inflight, "inflight", 5, "produce requests in flight")
	flags.IntVar(&o.BufferBytes, "buffer-bytes", 33_554_432, "bytes buffered at most")
	flags.Int64Var(&o.Records, "records", 1_000_000, "how many records")
	flags.StringVar(&o.TLSCa, "tls-ca", "", "encrypt, and trust what this authority signed")
	flags.StringVar(&o.Isolation, "isolation", "read-uncommitted", "read-uncommitted or read-committed")
	flags.Int64Var(&o.PerTransaction, "per-transaction", 100, "records of a transaction")
	flags.Int64Var(&o.Rate, "rate", 1_000, "records per second")
	flags.Int64Var(&o.Seconds, "seconds", 10, "seconds measured")
	flags.Int64Var(&o.WarmupSeconds, "warmup-seconds", 1, "seconds before")
	return o, flags.Parse(joinValues(words))
}

// joinValues writes `--idempotent false` as Go's flags want a boolean: `--idempotent=false`.
func joinValues(words []string) []string {
	var joined []string
	for i := 0; i < len(words); i++ {
		if strings.HasPrefix(words[i], "--") && !strings.Contains(words[i], "=") && i+1 < len(words) {
			joined = append(joined, words[i]+"="+words[i+1])
			i++
		} else {
			joined = append(joined, words[i])
		}
	}
	return joined
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "franz-go:", err)
	os.Exit(1)
}
