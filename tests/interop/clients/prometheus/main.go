// The text of metrics as Prometheus's own libraries for Go read it: what promtool says of it, without promtool.
//
// Reads the text format 0.0.4 on standard input; ends with 1 when it is none. What the linter finds is printed, a line each: the
// name, a tab, the finding.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		fail(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		fail(err)
	}
	for _, problem := range problems {
		fmt.Printf("%s\t%s\n", problem.Metric, problem.Text)
	}
	fmt.Fprintf(os.Stderr, "%d families\n", len(families))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
