//! The ends of sessions that this process has not seen

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::ports::UnixTime;
use crate::session::records::{EndedBy, Row, Scope, Tag};

/// What the provider ended, until no such session can go on.
#[derive(Debug, Default)]
pub(super) struct Ends {
    by_tag: BTreeMap<Tag, End>,
    by_expiry: BTreeSet<(u64, Tag)>,
}

#[derive(Debug, Default)]
struct End {
    every: Times,
    without_sid: Times,
    expires_at: u64,
}

/// The latest times of some logout tokens.
#[derive(Debug, Default)]
struct Times {
    arrived_at: Option<u64>,
    issued_at: Option<u64>,
}

impl Times {
    fn add(&mut self, ended: &EndedBy) {
        self.arrived_at = self.arrived_at.max(ended.arrived_at.map(|arrived_at| arrived_at.0));
        self.issued_at = self.issued_at.max(Some(ended.issued_at.0));
    }

    fn end(&self, row: &Row) -> bool {
        self.arrived_at.is_some_and(|arrived_at| row.began_at <= arrived_at)
            || self.issued_at.is_some_and(|issued_at| row.issued_at <= issued_at)
    }
}

impl Ends {
    /// Adds an end. If there are more than `max`, the one that expires first is forgotten.
    pub(super) fn add(&mut self, ended: &EndedBy, now: UnixTime, expires_at: UnixTime, max: usize) {
        while let Some((at, tag)) = self.by_expiry.first().copied().filter(|(at, _)| *at <= now.0) {
            self.by_expiry.remove(&(at, tag));
            self.by_tag.remove(&tag);
        }
        for tag in &ended.tags {
            let end = self.by_tag.entry(*tag).or_default();
            self.by_expiry.remove(&(end.expires_at, *tag));
            end.expires_at = end.expires_at.max(expires_at.0);
            self.by_expiry.insert((end.expires_at, *tag));
            match ended.scope {
                Scope::Every => end.every.add(ended),
                Scope::WithoutSid => end.without_sid.add(ended),
            }
        }
        while self.by_tag.len() > max
            && let Some((_, tag)) = self.by_expiry.pop_first()
        {
            self.by_tag.remove(&tag);
        }
    }

    /// Returns whether the session of a row was ended.
    pub(super) fn contain(&self, row: &Row) -> bool {
        let mut ends = row.tags().filter_map(|tag| self.by_tag.get(&tag));
        ends.any(|end| end.every.end(row) || (row.sid.is_none() && end.without_sid.end(row)))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_tag.len(), self.by_expiry.len());
        self.by_tag.len()
    }
}
