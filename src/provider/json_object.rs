//! What does a JSON object say, if each of its members says it once, and those of the objects in it too?

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::access::claims::{Claim, Claims};

/// The members of a JSON object. One that comes twice is refused: two readers would disagree about what it says (RFC
/// 8725 §2.4, RFC 7519 §4).
pub(super) struct UniqueJsonObject(pub(super) BTreeMap<String, Value>);

impl UniqueJsonObject {
    /// Reads an object; the depth of nesting is bounded by `serde_json`.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// A member; `null` is none.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A member that must be a string, if it is there; anything else is no string that could be right.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The members as claims of a person.
    pub(super) fn into_claims(self) -> Claims {
        object(self.0)
    }
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Claims {
    members.into_iter().map(|(name, value)| (name, claim(value))).collect()
}

fn claim(value: Value) -> Claim {
    match value {
        Value::String(text) => Claim::Text(text),
        Value::Bool(flag) => Claim::Flag(flag),
        Value::Array(list) => Claim::List(list.into_iter().map(claim).collect()),
        Value::Object(members) => Claim::Object(object(members)),
        Value::Number(_) | Value::Null => Claim::Other,
    }
}

impl<'de> Deserialize<'de> for UniqueJsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = UniqueJsonObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueJsonObject, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, Inner(value))) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member came twice"));
            }
        }
        Ok(UniqueJsonObject(members))
    }
}

/// A value inside, whose objects hold each member once as well.
struct Inner(Value);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Inner(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Once.visit_map(map).map(|members| Value::Object(members.0.into_iter().collect()))
    }
}
