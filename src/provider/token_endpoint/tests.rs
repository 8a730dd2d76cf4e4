//! Tests of `token_endpoint`.
