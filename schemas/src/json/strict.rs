//! The strict pass: a good record, straight from text into types, without a copy of any key.
//!
//! It gives up at the first thing that is wrong, and doesn't say what: that is [`super::diagnose`]'s work.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::kinds::{Kind, May, Must, refuse};
use super::object::{Element, Field, Object, Source};
use super::path::Path;
use super::raw::{Key, check_unknown};
use crate::RobotId;
use crate::reason::RejectReason;
use crate::record::{Extra, Record};

/// Most unknown fields of one object that this pass looks through for duplicates one by one.
const MAX_UNKNOWN: usize = 64;

/// The record, if nothing at all is wrong with it and it is `robot`'s.
pub(super) fn record(text: &str, robot: RobotId) -> Option<Record> {
    let mut extra = Extra::default();
    let mut record = Record::blank();
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = ObjectAt { path: Path::Root, extra: &mut extra, object: &mut record };
    seed.deserialize(&mut json).ok()?;
    json.end().ok()?;
    record.extra = extra;
    (record.robot_id == robot).then_some(record)
}

/// Fills a blank object at a place; where it stands, because joints are dear to move.
struct ObjectAt<'a, T> {
    path: Path<'a>,
    extra: &'a mut Extra,
    object: &'a mut T,
}

impl<'de, T: Object> DeserializeSeed<'de> for ObjectAt<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object> Visitor<'de> for ObjectAt<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, extra, object } = self;
        let mut seen = 0;
        let kept_before = extra.len();
        while let Some(key) = map.next_key_seed(Key)? {
            let source = Strict { map: &mut map, text: PhantomData, path: Path::Key(&path, &key), extra: &mut *extra };
            match object.field(&key, source)? {
                Field::Known(bit) if seen & bit == 0 => seen |= bit,
                Field::Known(_twice) => return Err(refuse(RejectReason::DuplicateKey)),
                Field::Unknown(source) => source.keep(kept_before)?,
            }
        }
        if seen & T::MANDATORY == T::MANDATORY { Ok(()) } else { Err(refuse(RejectReason::Required)) }
    }
}

/// The value that comes next in an object.
struct Strict<'a, 'de, A> {
    map: &'a mut A,
    text: PhantomData<&'de str>,
    path: Path<'a>,
    extra: &'a mut Extra,
}

impl<'de, A: MapAccess<'de>> Strict<'_, 'de, A> {
    /// Keeps the value of an unknown field. The object's own unknown fields come behind `kept_before`.
    fn keep(self, kept_before: usize) -> Result<(), A::Error> {
        let raw = self.map.next_value::<&'de RawValue>()?.get();
        check_unknown(raw, &self.path).map_err(|(reason, _pointer)| refuse(reason))?;
        let pointer = self.path.pointer();
        let before = &self.extra.parts()[kept_before..];
        if before.len() > MAX_UNKNOWN || before.iter().any(|(other, _)| *other == pointer) {
            return Err(refuse(RejectReason::DuplicateKey));
        }
        self.extra.put(pointer, raw);
        Ok(())
    }
}

impl<'de, A: MapAccess<'de>> Source for Strict<'_, 'de, A> {
    type Error = A::Error;

    fn must<K: Kind>(self) -> Result<K::Value, A::Error> {
        self.map.next_value_seed(Must::<K>::NEW)
    }

    fn may<K: Kind>(self) -> Result<Option<K::Value>, A::Error> {
        self.map.next_value_seed(May::<K>::NEW)
    }

    fn whole<T: Object>(self) -> Result<T, A::Error> {
        let mut object = T::blank();
        self.map.next_value_seed(ObjectAt { path: self.path, extra: self.extra, object: &mut object })?;
        Ok(object)
    }

    fn part<T: Object>(self) -> Result<Option<Box<T>>, A::Error> {
        let mut object = Box::new(T::blank());
        let seed = ObjectAt { path: self.path, extra: self.extra, object: &mut *object };
        let found = self.map.next_value_seed(OrNull(seed))?;
        Ok(found.map(|()| object))
    }

    fn list<T: Element>(self) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        self.map.next_value_seed(OrNull(ListAt { path: self.path, extra: self.extra, list: &mut list }))?;
        Ok(list)
    }
}

/// Fills an array of objects at a place.
struct ListAt<'a, T> {
    path: Path<'a>,
    extra: &'a mut Extra,
    list: &'a mut Vec<T>,
}

impl<'de, T: Element> DeserializeSeed<'de> for ListAt<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Element> Visitor<'de> for ListAt<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { path, extra, list } = self;
        for index in 0_u32.. {
            let element = ElementAt { path: &path, index, extra: &mut *extra, list: &mut *list };
            if seq.next_element_seed(element)?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Appends an object to an array.
struct ElementAt<'a, T> {
    path: &'a Path<'a>,
    index: u32,
    extra: &'a mut Extra,
    list: &'a mut Vec<T>,
}

impl<'de, T: Element> DeserializeSeed<'de> for ElementAt<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.list.len() == T::MAX {
            return Err(refuse(RejectReason::Length));
        }
        if self.list.is_empty() {
            self.list.reserve(T::MAX.min(8));
        }
        let object = self.list.push_mut(T::blank());
        object.set_index(self.index);
        let path = Path::Index(self.path, self.index);
        ObjectAt { path, extra: self.extra, object }.deserialize(deserializer)
    }
}

/// Reads null as none.
struct OrNull<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}
