//! Tests of `id_token`.
