//! TLS: certificates, keys and roots, and the configurations of rustls that come of them.
