//! JSON objects without duplicate members at any depth

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::access::claims::{Claim, Claims};

/// The members of a JSON object. A duplicate member is rejected, because two parsers could read different values (RFC
/// 8725 §2.4, RFC 7519 §4).
pub(super) struct UniqueJsonObject(pub(super) BTreeMap<String, Value>);

impl UniqueJsonObject {
    /// Parses an object. `serde_json` limits the depth of nesting.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Returns a member. `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a member if it is a string. A value of another type counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Converts the members into claims of a user.
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
        Value::Number(number) => number.as_i128().map_or(Claim::Other, Claim::Integer),
        Value::Null => Claim::Null,
    }
}

impl<'de> Deserialize<'de> for UniqueJsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = UniqueJsonObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueJsonObject, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, NestedValue(value))) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(UniqueJsonObject(members))
    }
}

/// A nested value. Its objects have no duplicate members either.
struct NestedValue(Value);

impl<'de> Deserialize<'de> for NestedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
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
        while let Some(NestedValue(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        ObjectVisitor.visit_map(map).map(|members| Value::Object(members.0.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_an_integer_only_if_it_is_written_as_one_and_known_exactly() {
        for (number, expected) in [
            ("1234", Claim::Integer(1234)),
            ("-7", Claim::Integer(-7)),
            ("18446744073709551615", Claim::Integer(u64::MAX.into())),
            ("18446744073709551616", Claim::Other),
            ("1.0", Claim::Other),
            ("1e3", Claim::Other),
            ("null", Claim::Null),
        ] {
            let json = format!("{{\"groups\": {number}}}");
            let claims = UniqueJsonObject::read(json.as_bytes()).unwrap().into_claims();
            assert_eq!(claims["groups"], expected, "{number}");
        }
    }
}
