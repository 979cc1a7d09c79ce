//! SASL: mechanisms of Apache Kafka as machines, for clients and for brokers.
