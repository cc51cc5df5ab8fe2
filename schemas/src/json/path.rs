//! Where in a record the decoder is: a list on the stack, made into a JSON pointer (RFC 6901) only when one is needed.

/// A place in a record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// The record itself.
    Root,
    /// The value of a key of an object.
    Key(&'a Path<'a>, &'a str),
    /// An element of an array, from 0.
    Index(&'a Path<'a>, u32),
}

impl Path<'_> {
    /// How many objects and arrays enclose the place.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Root => 0,
            Self::Key(parent, _) | Self::Index(parent, _) => parent.depth() + 1,
        }
    }

    /// The JSON pointer.
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.push(&mut pointer);
        pointer
    }

    fn push(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Key(parent, key) => {
                parent.push(pointer);
                pointer.push('/');
                for c in key.chars() {
                    match c {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        c => pointer.push(c),
                    }
                }
            }
            Self::Index(parent, index) => {
                parent.push(pointer);
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_tilde_and_slash_and_count_from_zero() {
        let joints = Path::Key(&Path::Root, "joints");
        let joint = Path::Index(&joints, 2);
        let field = Path::Key(&joint, "a/b~c");
        assert_eq!(field.pointer(), "/joints/2/a~1b~0c");
        assert_eq!((Path::Root.pointer().as_str(), field.depth()), ("", 3));
    }
}
