package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security reads how to connect from a file that ring/security.py describes.
func security(file string) ([]kgo.Opt, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var wanted struct{ CA, Certificate, Mechanism, User, Password, Token string }
	if err := json.Unmarshal(text, &wanted); err != nil {
		return nil, err
	}
	var opts []kgo.Opt
	if wanted.CA != "" {
		config, err := tlsConfig(wanted.CA, wanted.Certificate)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if mechanism := mechanism(wanted.Mechanism, wanted.User, wanted.Password, wanted.Token); mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

func tlsConfig(ca, certificate string) (*tls.Config, error) {
	roots := x509.NewCertPool()
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %s", ca)
	}
	config := &tls.Config{RootCAs: roots}
	if certificate != "" {
		own, err := tls.LoadX509KeyPair(certificate, certificate)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

func mechanism(name, user, password, token string) sasl.Mechanism {
	switch name {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	case "OAUTHBEARER":
		return oauth.Auth{Token: token}.AsMechanism()
	}
	return nil
}

// steady writes and reads for a while, whatever happens to the connections: nothing fails, is lost, doubled or out of order.
func steady(r *run) error {
	topic := r.prefix + "-franz-go-steady"
	if err := r.create(topic, 1, nil); err != nil {
		return err
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var failure error
	var want []string
	for until := time.Now().Add(r.steady); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		want = append(want, strconv.Itoa(len(want)))
		record := &kgo.Record{Topic: topic, Value: []byte(want[len(want)-1])}
		client.Produce(r.ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				failure = err
			}
		})
	}
	if err := client.Flush(r.ctx); err != nil {
		return err
	}
	if failure != nil {
		return failure
	}
	found, err := r.read(topic, 1, 0)
	var got []string
	for _, one := range found[0] {
		got = append(got, string(one.Value))
	}
	if err != nil {
		return err
	}
	return expect("values", got, want)
}

// refused is not let in, and says why.
func refused(r *run) error {
	client, err := r.client(kgo.RetryTimeout(5*time.Second), kgo.RequestRetries(1))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(r.ctx); err == nil {
		return fmt.Errorf("it was let in")
	} else {
		fmt.Println(err)
		return nil
	}
}
