//! What a registry is asked.

use kestrel_schema::json_schema::Policy;
use kestrel_schema::{Metadata, RuleSet, Schema};

use crate::error::Refusal;
use crate::settings::{Config, Mode};
use crate::subject::Subject;

/// One request, whatever way it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Subjects { prefix: String, shown: Shown, page: Page },
    Versions { subject: Subject, shown: Shown, as_negative: bool, page: Page },
    Version(FindVersion),
    LatestWithMetadata { subject: Subject, properties: Vec<(String, String)>, shown: Shown, format: String },
    ReferencedBy { subject: Subject, version: VersionNumber, shown: Shown, page: Page },
    Schemas(FindSchemas),
    ById(FindById),
    SubjectsOfId { id: i32, subject: Option<Subject>, shown: Shown, page: Page },
    VersionsOfId { id: i32, subject: Option<Subject>, shown: Shown, page: Page },
    ByGuid { guid: String, format: String },
    IdsOfGuid { guid: String },
    LookUp(LookUp),
    Compatibility(CheckCompatibility),
    Config { subject: Subject, inherited: bool },
    Mode { subject: Subject, inherited: bool },
    Contexts { prefix: String, page: Page },
    Register(Register),
    DeleteVersion { subject: Subject, version: VersionNumber, permanent: bool },
    DeleteSubject { subject: Subject, permanent: bool },
    DeleteContext { context: Subject },
    SetConfig { subject: Subject, change: ConfigChange },
    DeleteConfig { subject: Subject },
    SetMode { subject: Subject, mode: Option<Mode>, force: bool },
    DeleteMode { subject: Subject, recursive: bool },
}

impl Request {
    /// Whether its answer may need records to be written.
    pub(crate) const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Register(_)
                | Self::DeleteVersion { .. }
                | Self::DeleteSubject { .. }
                | Self::DeleteContext { .. }
                | Self::SetConfig { .. }
                | Self::DeleteConfig { .. }
                | Self::SetMode { .. }
                | Self::DeleteMode { .. }
        )
    }

    /// Whether schemas are parsed or compared for it: work that takes longer than a task may keep its thread.
    pub(crate) fn is_heavy(&self) -> bool {
        match self {
            Self::Register(_) | Self::LookUp(_) | Self::Compatibility(_) | Self::Schemas(_) => true,
            Self::Version(find) => !find.format.is_empty(),
            Self::ById(find) => !find.format.is_empty(),
            Self::LatestWithMetadata { format, .. } | Self::ByGuid { format, .. } => !format.is_empty(),
            _ => false,
        }
    }
}

/// A schema as a client proposes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// None when the text is empty: the last version's is meant.
    pub(crate) schema: Option<Schema>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) rule_set: Option<RuleSet>,
    /// The version that it should have: none for the next one, -1 for the next one with its number in the metadata.
    pub(crate) version: Option<i32>,
    /// The id that it should have, where schemas are imported.
    pub(crate) id: Option<i32>,
}

/// Registers a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Register {
    pub(crate) subject: Subject,
    pub(crate) proposal: Proposal,
    pub(crate) normalize: bool,
    /// Not to be compared with earlier versions.
    pub(crate) force: bool,
    pub(crate) format: String,
}

/// Looks for a schema in a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LookUp {
    pub(crate) subject: Subject,
    pub(crate) proposal: Proposal,
    pub(crate) normalize: bool,
    pub(crate) shown: Shown,
    pub(crate) format: String,
}

/// Compares a schema with versions of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckCompatibility {
    pub(crate) subject: Subject,
    /// None: with those that the subject's level asks for.
    pub(crate) version: Option<VersionNumber>,
    pub(crate) proposal: Proposal,
    pub(crate) normalize: bool,
    pub(crate) verbose: bool,
}

/// Finds a version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FindVersion {
    pub(crate) subject: Subject,
    pub(crate) version: VersionNumber,
    pub(crate) shown: Shown,
    pub(crate) format: String,
    pub(crate) qualified_references: bool,
    /// The text and nothing else.
    pub(crate) text_only: bool,
}

/// Finds a schema by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FindById {
    pub(crate) id: i32,
    pub(crate) subject: Option<Subject>,
    pub(crate) format: String,
    pub(crate) with_max_id: bool,
    pub(crate) qualified_references: bool,
    pub(crate) text_only: bool,
}

/// Finds versions of all subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FindSchemas {
    pub(crate) prefix: String,
    pub(crate) shown: Shown,
    pub(crate) latest_only: bool,
    pub(crate) rule_type: String,
    pub(crate) with_aliases: bool,
    pub(crate) page: Page,
}

/// Which versions count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Those that are not deleted.
    #[default]
    Live,
    /// The soft-deleted ones too.
    All,
    /// The soft-deleted ones alone.
    Deleted,
}

impl Shown {
    pub(crate) const fn includes(self, is_deleted: bool) -> bool {
        match self {
            Self::Live => !is_deleted,
            Self::All => true,
            Self::Deleted => is_deleted,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    /// All if none.
    pub(crate) limit: Option<usize>,
}

impl Page {
    pub(crate) fn of<T>(self, items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        items.skip(self.offset).take(self.limit.unwrap_or(usize::MAX))
    }
}

/// A version of a subject, as a path names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionNumber {
    /// The last one that is not deleted.
    Latest,
    /// This one, from 1.
    Number(i32),
}

impl VersionNumber {
    /// Reads `latest`, -1 or a positive number.
    ///
    /// # Errors
    /// For anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        match text.parse() {
            _ if text.eq_ignore_ascii_case("latest") => Ok(Self::Latest),
            Ok(-1) => Ok(Self::Latest),
            Ok(number) if number > 0 => Ok(Self::Number(number)),
            _ => Err(Refusal::invalid_version(text)),
        }
    }

    /// The number that stands for it.
    pub(crate) const fn wire(self) -> i32 {
        match self {
            Self::Latest => -1,
            Self::Number(number) => number,
        }
    }
}

/// Changes of a configuration: of each field, nothing, a new value, or none any more.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ConfigChange {
    pub(crate) alias: Change<String>,
    pub(crate) normalize: Change<bool>,
    pub(crate) validate_fields: Change<bool>,
    pub(crate) validate_new_schemas: Change<bool>,
    pub(crate) validate_rules: Change<bool>,
    pub(crate) level: Change<kestrel_schema::Level>,
    pub(crate) policy: Change<Policy>,
    pub(crate) group: Change<String>,
    pub(crate) default_metadata: Change<Metadata>,
    pub(crate) override_metadata: Change<Metadata>,
    pub(crate) default_rule_set: Change<RuleSet>,
    pub(crate) override_rule_set: Change<RuleSet>,
}

/// A change of one field.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is this from now on, or not set.
    To(Option<T>),
}

impl<T> Change<T> {
    fn apply(self, field: &mut Option<T>) {
        if let Self::To(value) = self {
            *field = value;
        }
    }
}

impl ConfigChange {
    /// The configuration after these changes.
    pub(crate) fn apply(self, mut config: Config) -> Config {
        self.alias.apply(&mut config.alias);
        self.normalize.apply(&mut config.normalize);
        self.validate_fields.apply(&mut config.validate_fields);
        self.validate_new_schemas.apply(&mut config.validate_new_schemas);
        self.validate_rules.apply(&mut config.validate_rules);
        self.level.apply(&mut config.compatibility_level);
        if self.policy != Change::Keep {
            config.other.remove(Config::POLICY);
        }
        self.policy.apply(&mut config.compatibility_policy);
        self.group.apply(&mut config.compatibility_group);
        self.default_metadata.apply(&mut config.default_metadata);
        self.override_metadata.apply(&mut config.override_metadata);
        self.default_rule_set.apply(&mut config.default_rule_set);
        self.override_rule_set.apply(&mut config.override_rule_set);
        config
    }
}
