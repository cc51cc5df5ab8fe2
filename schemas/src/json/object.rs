//! Objects by table: `fields!` makes the reader and the writer of a type from one list of its fields.
//!
//! The reader takes each value from a [`Source`], of which there are two: the strict pass and the diagnosing one.
//! So both passes share every name, kind and limit.

use super::kinds::Kind;

/// Where the value of a field comes from.
pub(super) trait Source: Sized {
    /// Why there is none.
    type Error;

    /// A mandatory value.
    fn must<K: Kind>(self) -> Result<K::Value, Self::Error>;

    /// An optional value; null is none.
    fn may<K: Kind>(self) -> Result<Option<K::Value>, Self::Error>;

    /// A mandatory object, of which single fields may be dropped.
    fn whole<T: Object>(self) -> Result<T, Self::Error>;

    /// An optional object, which is dropped as one.
    fn part<T: Object>(self) -> Result<Option<Box<T>>, Self::Error>;

    /// An optional array of objects, which are dropped one by one.
    fn list<T: Element>(self) -> Result<Vec<T>, Self::Error>;
}

/// What became of a field.
pub(super) enum Field<S> {
    /// It is known, and was read. Its bit of the object's mask.
    Known(u64),
    /// It is not, and its value is still to be read.
    Unknown(S),
}

/// A type that stands in the JSON as an object.
pub(super) trait Object: Sized {
    /// The bits of the mandatory fields.
    const MANDATORY: u64;
    /// Names of the fields, each with its bit if it is mandatory, else with 0.
    const FIELDS: &'static [(&'static str, u64)];

    /// An object whose mandatory fields are still to be filled.
    fn blank() -> Self;

    /// Reads the value of the field `key`.
    fn field<S: Source>(&mut self, key: &str, source: S) -> Result<Field<S>, S::Error>;

    /// Writes the object as JSON.
    fn write(&self, out: &mut String);
}

/// An object that stands in an array.
pub(super) trait Element: Object {
    /// Most elements of the array.
    const MAX: usize;

    /// Says at which position of the array, as sent, it stood.
    fn set_index(&mut self, index: u32);
}

/// Makes an [`Object`] of a type: how each field is read, its JSON name, its name in Rust, its kind.
///
/// `must` is mandatory, `may` is an `Option`, `zero` is 0 if absent, `check` is read and not kept, `whole`, `part`
/// and `list` are objects as in [`Source`]. With `[MAX]` behind the type it is an [`Element`] too.
macro_rules! fields {
    ($owner:ty = $blank:expr; $($how:ident $name:literal => $field:ident: $kind:ty,)+) => {
        const _: () = {
            #[expect(non_camel_case_types, reason = "named as the fields, to number them")]
            enum Bit { $($field,)+ }

            impl $crate::json::object::Object for $owner {
                const MANDATORY: u64 = $($crate::json::object::mandatory_bit!($how Bit::$field) |)+ 0;
                const FIELDS: &'static [(&'static str, u64)] =
                    &[$(($name, $crate::json::object::mandatory_bit!($how Bit::$field)),)+];

                fn blank() -> Self {
                    $blank
                }

                fn field<S: $crate::json::object::Source>(
                    &mut self,
                    key: &str,
                    source: S,
                ) -> Result<$crate::json::object::Field<S>, S::Error> {
                    let bit = match key {
                        $($name => {
                            $crate::json::object::read_field!($how self.$field, $kind, source);
                            Bit::$field
                        })+
                        _unknown => return Ok($crate::json::object::Field::Unknown(source)),
                    };
                    Ok($crate::json::object::Field::Known(1 << bit as u32))
                }

                fn write(&self, out: &mut String) {
                    let mut object = $crate::json::encode::Members::open(out);
                    $($crate::json::object::write_field!($how self.$field, $kind, $name, object);)+
                    object.close();
                }
            }
        };
    };
    ($owner:ty [$max:expr] = $blank:expr; $($rest:tt)+) => {
        $crate::json::object::fields!($owner = $blank; $($rest)+);

        impl $crate::json::object::Element for $owner {
            const MAX: usize = $max;

            fn set_index(&mut self, index: u32) {
                self.index = index;
            }
        }
    };
}

/// The bit of a mandatory field, 0 of another.
macro_rules! mandatory_bit {
    (must $bit:expr) => {
        1 << $bit as u32
    };
    (check $bit:expr) => {
        1 << $bit as u32
    };
    (whole $bit:expr) => {
        1 << $bit as u32
    };
    ($optional:ident $bit:expr) => {
        0
    };
}

/// Reads a field into its slot.
macro_rules! read_field {
    (must $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.must::<$kind>()?
    };
    (check $slot:expr, $kind:ty, $source:ident) => {
        $source.must::<$kind>()?
    };
    (may $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.may::<$kind>()?
    };
    (zero $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.may::<$kind>()?.unwrap_or(0)
    };
    (whole $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.whole::<$kind>()?
    };
    (part $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.part::<$kind>()?
    };
    (list $slot:expr, $kind:ty, $source:ident) => {
        $slot = $source.list::<$kind>()?
    };
}

/// Writes a field from its slot, if there is something to write.
macro_rules! write_field {
    (must $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        $object.value::<$kind>($name, &$slot)
    };
    (check $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        $object.value::<$kind>($name, &())
    };
    (may $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        if let Some(value) = &$slot {
            $object.value::<$kind>($name, value);
        }
    };
    (zero $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        if $slot != 0 {
            $object.value::<$kind>($name, &$slot);
        }
    };
    (whole $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        $object.object($name, &$slot)
    };
    (part $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        if let Some(part) = &$slot {
            $object.object($name, part.as_ref());
        }
    };
    (list $slot:expr, $kind:ty, $name:literal, $object:ident) => {
        if !$slot.is_empty() {
            $object.list($name, &$slot);
        }
    };
}

pub(super) use {fields, mandatory_bit, read_field, write_field};
