//! Settings of the drain: the end of the process after SIGTERM

use std::time::Duration;

use super::checks::duration;
use super::key::{Key, Kind, Need, Section};
use super::reader::Reader;
use super::report::Reported;

pub(super) const SECTION: Section = Section {
    path: "drain",
    example: "",
    about: "How the process ends after SIGTERM. After unready_time, it exits as soon as no request is open. \
            WebSockets do not delay it.",
    keys: &[
        Key {
            name: "unready_time",
            kind: Kind::Text,
            need: Need::Default("\"5s\""),
            about: "How long /readyz fails while all requests are still served, up to 10m. Set it to the time that \
                    a load balancer needs to notice. Set it to 0s if no load balancer requests /readyz.",
            right: "a time with its unit, from 0s to 10m, such as 5s",
        },
        Key {
            name: "finish_timeout",
            kind: Kind::Text,
            need: Need::Default("\"20s\""),
            about: "How long open requests and refreshes may take after unready_time, up to 10m. After that, those \
                    that are still open are cut. The orchestrator must wait longer than both times together: in \
                    Kubernetes, terminationGracePeriodSeconds.",
            right: "a time with its unit, from 0s to 10m, such as 20s",
        },
    ],
};

const MAX_TIME: Duration = Duration::from_mins(10);

/// How long each step of the drain may take.
pub struct Drain {
    /// The time in which the process reports that it is not ready, and still serves all requests.
    pub unready_time: Duration,
    /// The time in which the process accepts nothing new and finishes open requests.
    pub finish_timeout: Duration,
}

impl Drain {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let mut time = |key| reader.read_required(key, |text| duration(text, Duration::ZERO, MAX_TIME));
        let (unready_time, finish_timeout) = (time("drain.unready_time"), time("drain.finish_timeout"));
        Ok(Self { unready_time: unready_time?, finish_timeout: finish_timeout? })
    }
}
