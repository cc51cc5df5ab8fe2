//! Reads objects field by field, from raw values: says what is wrong with each, and drops what is optional.

use super::{misfit, read};
use crate::dead_letter::Problem;
use crate::json::kinds::{Kind, Must};
use crate::json::object::{Element, Field, Object, Source};
use crate::json::path::Path;
use crate::json::raw::{Member, check_unknown, elements, members, take_duplicates};
use crate::reason::{Flag, FlagReason, RejectReason};
use crate::record::Extra;

/// What becomes of an object of which one optional field is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The field is dropped and the rest is kept: the envelope and the counters.
    Fields,
    /// It is dropped as one: an element, or an optional section.
    Whole,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    pub(super) problems: Vec<Problem>,
    pub(super) flags: Vec<Flag>,
    pub(super) extra: Extra,
}

impl Diagnosis {
    /// Reads an object, and says what is wrong with it as one.
    pub(super) fn object<T: Object>(
        &mut self,
        mut members: Vec<Member<'_>>,
        path: &Path<'_>,
        keep: Keep,
    ) -> (T, Vec<Problem>) {
        let mut object = T::blank();
        let mut faults = Vec::new();
        for twice in take_duplicates(&mut members) {
            let pointer = Path::Key(path, &twice.key).pointer();
            faults.push(Problem::new(RejectReason::DuplicateKey, pointer, twice.raw));
        }
        for Member { key, raw } in &members {
            let path = Path::Key(path, key);
            let diagnosis = &mut *self;
            match object.field(key, Lenient { raw, path, diagnosis }) {
                Ok(Field::Known(_)) => {}
                Ok(Field::Unknown(source)) => source.keep(),
                Err(fault) if keep == Keep::Whole || mandatory::<T>(key) => faults.push(fault),
                Err(fault) => self.drop(FlagReason::FieldDropped, &path, raw, &fault),
            }
        }
        for (name, bit) in T::FIELDS {
            if *bit != 0 && !members.iter().any(|member| member.key == *name) {
                faults.push(Problem::new(RejectReason::Required, Path::Key(path, name).pointer(), ""));
            }
        }
        (object, faults)
    }

    /// Reads an object that is dropped as one.
    fn whole_or_none<T: Object>(&mut self, raw: &str, path: &Path<'_>) -> Result<T, Problem> {
        if !raw.starts_with('{') {
            return Err(Problem::new(RejectReason::Type, path.pointer(), raw));
        }
        let (extra, flags) = (self.extra.len(), self.flags.len());
        let (object, faults) = self.object(members(raw).0, path, Keep::Whole);
        match faults.into_iter().min_by_key(|fault| fault.reason) {
            None => Ok(object),
            Some(fault) => {
                self.extra.truncate(extra);
                self.flags.truncate(flags);
                Err(fault)
            }
        }
    }

    /// Keeps what stands at a place as it came, and flags that it is in no field.
    fn drop(&mut self, reason: FlagReason, path: &Path<'_>, raw: &str, fault: &Problem) {
        let pointer = path.pointer();
        self.extra.put(pointer.clone(), raw);
        self.flags.push(Flag::new(reason, pointer).because(fault.reason, &fault.pointer));
    }
}

fn mandatory<T: Object>(key: &str) -> bool {
    T::FIELDS.iter().any(|(name, bit)| *name == key && *bit != 0)
}

/// The raw value of a field.
struct Lenient<'a> {
    raw: &'a str,
    path: Path<'a>,
    diagnosis: &'a mut Diagnosis,
}

impl Lenient<'_> {
    /// Keeps the value of an unknown field.
    fn keep(self) {
        match check_unknown(self.raw, &self.path) {
            Ok(()) => self.diagnosis.extra.put(self.path.pointer(), self.raw),
            Err((reason, pointer)) => {
                let fault = Problem::new(reason, pointer, self.raw);
                self.diagnosis.drop(FlagReason::FieldDropped, &self.path, self.raw, &fault);
            }
        }
    }

    fn problem(&self, reason: RejectReason) -> Problem {
        Problem::new(reason, self.path.pointer(), self.raw)
    }

    fn is_null(&self) -> bool {
        self.raw == "null"
    }
}

impl Source for Lenient<'_> {
    type Error = Problem;

    fn must<K: Kind>(self) -> Result<K::Value, Problem> {
        if self.is_null() {
            return Err(self.problem(RejectReason::Required));
        }
        read(Must::<K>::NEW, self.raw).or_else(|error| K::exact(self.raw).ok_or_else(|| self.problem(misfit(&error))))
    }

    fn may<K: Kind>(self) -> Result<Option<K::Value>, Problem> {
        if self.is_null() {
            return Ok(None);
        }
        self.must::<K>().map(Some)
    }

    fn whole<T: Object>(self) -> Result<T, Problem> {
        if self.is_null() {
            return Err(self.problem(RejectReason::Required));
        }
        if !self.raw.starts_with('{') {
            return Err(self.problem(RejectReason::Type));
        }
        let (object, faults) = self.diagnosis.object(members(self.raw).0, &self.path, Keep::Fields);
        self.diagnosis.problems.extend(faults);
        Ok(object)
    }

    fn part<T: Object>(self) -> Result<Option<Box<T>>, Problem> {
        if self.is_null() {
            return Ok(None);
        }
        let Self { raw, path, diagnosis } = self;
        match diagnosis.whole_or_none(raw, &path) {
            Ok(part) => Ok(Some(Box::new(part))),
            Err(fault) => {
                diagnosis.drop(FlagReason::SectionDropped, &path, raw, &fault);
                Ok(None)
            }
        }
    }

    fn list<T: Element>(self) -> Result<Vec<T>, Problem> {
        let Self { raw, path, diagnosis } = self;
        let found = match elements(raw, T::MAX) {
            Ok(found) if found.len() <= T::MAX => found,
            _ if raw == "null" => return Ok(Vec::new()),
            found => {
                let reason = found.map_or(RejectReason::Type, |_too_many| RejectReason::Length);
                let fault = Problem::new(reason, path.pointer(), raw);
                diagnosis.drop(FlagReason::SectionDropped, &path, raw, &fault);
                return Ok(Vec::new());
            }
        };
        let mut list = Vec::new();
        for (index, raw) in (0_u32..).zip(found) {
            let path = Path::Index(&path, index);
            match diagnosis.whole_or_none::<T>(raw, &path) {
                Ok(mut element) => {
                    element.set_index(index);
                    list.push(element);
                }
                Err(fault) => diagnosis.drop(FlagReason::ElementDropped, &path, raw, &fault),
            }
        }
        Ok(list)
    }
}
