//! DescribeConfigs: asks for the configuration of topics and brokers (KIP-133, KIP-226).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the configuration of topics and brokers (KIP-133, KIP-226).
    DescribeConfigsRequest(versions: 1..=4, flexible: 4..) {
        resources: Vec<DescribeConfigsResource>;
        include_synonyms: bool;
        include_documentation: bool => 3..;
    }
    /// An entry of [`DescribeConfigsRequest::resources`].
    DescribeConfigsResource {
        resource_type: i8;
        resource_name: ByteString;
        configuration_keys: Option<Vec<ByteString>>;
    }
}

message! {
    /// Each resource's keys with value, source and type.
    DescribeConfigsResponse(versions: 1..=4, flexible: 4..) {
        throttle_time_ms: i32;
        results: Vec<DescribeConfigsResult>;
    }
    /// An entry of [`DescribeConfigsResponse::results`].
    DescribeConfigsResult {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        resource_type: i8;
        resource_name: ByteString;
        configs: Vec<DescribeConfigsResourceResult>;
    }
    /// An entry of [`DescribeConfigsResult::configs`].
    DescribeConfigsResourceResult {
        name: ByteString;
        value: Option<ByteString>;
        read_only: bool;
        config_source: i8, default -1;
        is_sensitive: bool;
        synonyms: Vec<DescribeConfigsSynonym>;
        config_type: i8 => 3..;
        documentation: Option<ByteString> => 3..;
    }
    /// An entry of [`DescribeConfigsResourceResult::synonyms`].
    DescribeConfigsSynonym {
        name: ByteString;
        value: Option<ByteString>;
        source: i8;
    }
}
