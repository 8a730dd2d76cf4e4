//! The number of sessions as a series that is missing while the number is unknown

use std::fmt::Error;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// A gauge without a value has no line: 0 would mean that there is no session.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionCount(Arc<Mutex<Option<i64>>>);

impl SessionCount {
    /// Sets the number, or removes it.
    pub(super) fn set(&self, known: Option<usize>) {
        let known = known.map(|known| i64::try_from(known).unwrap_or(i64::MAX));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl Collector for SessionCount {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Some(known) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return Ok(()) };
        let help = "Sessions that this process, or its file, tracks.";
        let encoder = encoder.encode_descriptor("sessions_known", help, None, MetricType::Gauge)?;
        ConstGauge::new(known).encode(encoder)
    }
}
