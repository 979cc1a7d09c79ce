package main

import (
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Report has the fields of kestrel-bench's line.
type Report struct {
	Client    string     `json:"client"`
	Work      string     `json:"work"`
	Records   int64      `json:"records"`
	Bytes     int64      `json:"bytes"`
	Acked     int64      `json:"acked"`
	Errors    int64      `json:"errors"`
	WallS     float64    `json:"wall_s"`
	PerS      float64    `json:"msgs_per_s"`
	MBPerS    float64    `json:"mb_per_s"`
	CPUS      float64    `json:"cpu_s"`
	MaxRSSMB  float64    `json:"max_rss_mb"`
	Latency   *Quantiles `json:"latency_us"`
	StartS    float64    `json:"start_s,omitempty"`
	StartCPUS float64    `json:"start_cpu_s,omitempty"`
}

// Quantiles of the end-to-end latency in microseconds.
type Quantiles struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	Max  int64 `json:"max"`
}

// Meter is started before the work and read after it.
type Meter struct {
	started time.Time
	cpu     float64
}

func startMeter() Meter { return Meter{time.Now(), cpuSeconds()} }

func (m Meter) report(work string, bytes, acked, errors, records int64) *Report {
	wall := time.Since(m.started).Seconds()
	return &Report{
		Client: "franz-go", Work: work, Records: records, Bytes: bytes, Acked: acked, Errors: errors,
		WallS: wall, PerS: float64(acked) / wall, MBPerS: float64(bytes) / wall / 1e6,
		CPUS: cpuSeconds() - m.cpu, MaxRSSMB: peakMemoryMB(),
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func peakMemoryMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kilobytes / 1024
		}
	}
	return 0
}

func quantiles(latencies []time.Duration) *Quantiles {
	if len(latencies) == 0 {
		return nil
	}
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	at := func(q float64) int64 { return latencies[int(q*float64(len(latencies)-1))].Microseconds() }
	return &Quantiles{at(0.5), at(0.9), at(0.99), at(0.999), at(1)}
}

// payload makes the values that kestrel-bench makes: windows into text that compresses about as well as log lines.
type payload struct {
	pool []byte
	size int
}

const poolBytes = 1 << 20

func newPayload(size int) payload {
	words := []string{"order", "user", "click", "status=200", "latency_ms=", "region=eu-west", "cart", "\n"}
	pool := make([]byte, 0, poolBytes+size+32)
	state := uint64(0x2545_f491_4f6c_dd1d)
	for len(pool) < poolBytes+size {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		pool = append(pool, words[state%8]...)
		pool = append(pool, ' ')
		pool = strconv.AppendUint(pool, state>>40, 16)
		pool = append(pool, ' ')
	}
	return payload{pool, size}
}

func (p payload) value(index int64) []byte {
	start := int(uint64(index) * 7919 % poolBytes)
	return p.pool[start : start+p.size]
}
