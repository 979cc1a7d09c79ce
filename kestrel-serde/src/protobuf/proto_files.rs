//! ProtoFiles: the text of a `.proto` file, with the texts of those that it imports.

/// The text of a `.proto` file, with the texts of those that it imports. A plain text is one without imports.
///
/// Files that every registry knows (`google/protobuf/*.proto`, `google/type/*.proto`, `confluent/meta.proto`,
/// `confluent/type/*.proto`) need not be given.
///
/// ```
/// use kestrel_serde::ProtoFiles;
///
/// let files = ProtoFiles::new(r#"syntax = "proto3"; import "shop/item.proto"; message Cart { Item item = 1; }"#)
///     .import("shop/item.proto", r#"syntax = "proto3"; message Item { int64 sku = 1; }"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtoFiles {
    text: String,
    imports: Vec<(String, String)>,
}

impl ProtoFiles {
    /// A file without imports.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), imports: Vec::new() }
    }

    /// The same with one that is imported, directly or not, under the path that the `import` says. A file comes after those that
    /// it imports itself.
    #[must_use]
    pub fn import(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.imports.push((path.into(), text.into()));
        self
    }

    pub(super) fn into_parts(self) -> (String, Vec<(String, String)>) {
        (self.text, self.imports)
    }
}

impl From<&str> for ProtoFiles {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ProtoFiles {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
