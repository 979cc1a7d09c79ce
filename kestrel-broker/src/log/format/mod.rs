//! The files of Apache Kafka's folder format, one kind each: names, checkpoints, properties, indexes.
//!
//! Called by all of `log/`. Reads and writes what it is given; decides nothing about a log.

pub(super) mod checkpoint;
pub(super) mod clean_shutdown;
pub(super) mod data_file;
pub(super) mod file_names;
pub(super) mod index;
pub(super) mod meta_properties;
pub(super) mod offset_index;
pub(super) mod old_format;
pub(super) mod time_index;
pub(super) mod txn_index;
