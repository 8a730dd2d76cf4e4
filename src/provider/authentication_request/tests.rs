//! Tests of `authentication_request`.
