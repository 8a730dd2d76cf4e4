//! Map with a capacity limit

use std::collections::HashMap;

/// A map that, if full, drops its oldest entry to insert a new one.
pub(crate) struct Bounded<V> {
    entries: HashMap<String, Entry<V>>,
    capacity: usize,
    next_age: u64,
}

struct Entry<V> {
    age: u64,
    value: V,
}

impl<V> Bounded<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity, next_age: 0 }
    }

    pub(crate) fn insert(&mut self, key: String, value: V) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.drop_oldest();
        }
        let age = self.next_age;
        self.next_age = self.next_age.wrapping_add(1);
        self.entries.insert(key, Entry { age, value });
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        self.entries.remove(key).map(|entry| entry.value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|entry| &entry.value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|entry| &mut entry.value)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|_, entry| keep(&entry.value));
    }

    /// Scans all entries: this runs only if the map is full, and an index by age would need an update on every removal.
    fn drop_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.age).map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn full_map_drops_oldest_entry() {
        let mut map = Bounded::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            map.insert(key.to_owned(), value);
        }
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (None, Some(&2), Some(&3)));
    }

    #[test]
    fn replaced_entry_drops_no_other() {
        let mut map = Bounded::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("b", 3)] {
            map.insert(key.to_owned(), value);
        }
        assert_eq!((map.get("a"), map.get("b")), (Some(&1), Some(&3)));
    }
}
