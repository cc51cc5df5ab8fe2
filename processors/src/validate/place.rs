//! Places in a record, which become JSON pointers only when there is something to say of them.

use tacho_schemas::reason::FlagReason;

/// Where in a record a field stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In the record itself.
    Root,
    /// In an object of the record.
    Section(&'static str),
    /// In an element of an array, by its position as sent.
    Element(&'static str, u32),
    /// In an object of such an element.
    Within(&'static str, u32, &'static str),
}

impl Place {
    /// The JSON pointer of the place itself.
    pub(super) fn pointer(self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Section(section) => format!("/{section}"),
            Self::Element(section, index) => format!("/{section}/{index}"),
            Self::Within(section, index, inner) => format!("/{section}/{index}/{inner}"),
        }
    }

    /// The JSON pointer of a field here.
    pub(super) fn field(self, field: &str) -> String {
        let mut pointer = self.pointer();
        pointer.push('/');
        pointer.push_str(field);
        pointer
    }

    /// What a flag says when what stands here is dropped.
    pub(super) fn dropped(self) -> FlagReason {
        match self {
            Self::Element(..) => FlagReason::ElementDropped,
            Self::Root | Self::Section(_) | Self::Within(..) => FlagReason::SectionDropped,
        }
    }
}

/// Whether a JSON pointer is `whole` or points into it.
pub(crate) fn is_within(pointer: &str, whole: &str) -> bool {
    pointer.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
