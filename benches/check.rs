//! Benchmark of a check, relative to base64 decode and AES-256-GCM open of the same cookie
//!
//! Decode and open are the part that no check can avoid. Absolute times of a shared machine mean nothing, so both are
//! measured in turn, and the median of their ratios is reported.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, prints results and panics on unexpected values"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use foregate::access::decision::Decision;
use foregate::access::policy::Policy;
use support::{Features, Scene};

const ROUNDS: usize = 41;
const CHECKS: u32 = 4000;

fn main() {
    println!(
        "30 groups; each line is the median of {ROUNDS} rounds of {CHECKS} checks; budget 2.50, stretch 1.80"
    );
    report("defaults", &Scene::in_cookies(&Features::new(Policy::default(), false)));
    report("everything on", &Scene::in_cookies(&Features::all()));
}

fn report(name: &str, scene: &Scene) {
    let floor = Floor::new(scene.cookie.len());
    let (mut checks, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        checks.push(nanoseconds(|| read_fields(&scene.check())));
        floors.push(nanoseconds(|| floor.run()));
    }
    let ratio = median(checks.iter().zip(&floors).map(|(check, floor)| check / floor).collect());
    let (check, floor) = (median(checks), median(floors));
    let length = scene.cookie.len();
    println!(
        "{name:14} check {check:5.0} ns, open + decode of its {length} characters {floor:5.0} ns: {ratio:.2}"
    );
}

/// Reads every field's value, as a response does.
fn read_fields(decision: &Decision) {
    if let Decision::Allow(grant) = decision {
        for field in grant.fields() {
            black_box(&field);
        }
    }
}

fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..CHECKS {
        work();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Decode and open of as many bytes, with keys and buffers prepared.
struct Floor {
    text: String,
    key: LessSafeKey,
}

impl Floor {
    fn new(text_len: usize) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let mut sealed = vec![7; text_len / 4 * 3 - 16];
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([7; 12]), Aad::empty(), &mut sealed)
            .unwrap();
        Self { text: URL_SAFE_NO_PAD.encode_to_string(sealed), key }
    }

    fn run(&self) {
        let mut buffer = [0; 4096];
        let bytes = URL_SAFE_NO_PAD.decode(self.text.as_bytes(), Out::from_slice(&mut buffer)).unwrap();
        let nonce = Nonce::assume_unique_for_key([7; 12]);
        black_box(self.key.open_in_place(nonce, Aad::empty(), bytes).unwrap());
    }
}
