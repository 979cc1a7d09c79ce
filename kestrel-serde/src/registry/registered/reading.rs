//! The side of consumers: a schema is fetched and a plan is made once, records find it by their head.

use std::sync::Arc;

use bytes::Bytes;

use super::super::answers::Found;
use super::super::frame::Frame;
use super::super::memory::NoAnswer;
use super::super::rules::Direction;
use super::super::{CompleteSchema, RegistryErrorKind, SchemaFormat};
use super::Registered;
use super::plans::{Plan, Plans, Unusable};
use crate::{DeserializeContext, Deserializer, Ready, SerdeContext, SerdeError};

/// What came of looking for the plan of a record.
type Planned<R> = Result<Arc<Plan<R>>, SerdeError>;

impl<F: SchemaFormat> Registered<F> {
    fn frame<'a>(&self, ctx: &DeserializeContext<'a>, bytes: &'a Bytes) -> Result<Frame<'a>, SerdeError> {
        Frame::read(ctx, bytes, F::HAS_MESSAGE_INDEXES).map_err(|cause| SerdeError::decode(ctx, cause))
    }

    /// The subject that the schemas of these records probably have, whose context says where their ids count.
    fn subject_before_reading(&self, ctx: &SerdeContext<'_>) -> Option<String> {
        self.settings.subjects.before_reading(ctx, self.format.record_name().as_deref())
    }

    /// Calls `work` with the plans of these records.
    fn with_plans<T>(&self, ctx: &SerdeContext<'_>, work: impl FnOnce(&Plans<F::Reader>) -> T) -> T {
        if self.settings.subjects.may_name_contexts() {
            let plans = self.readers.of_place(ctx, || self.subject_before_reading(ctx));
            work(&plans)
        } else {
            work(self.readers.shared())
        }
    }

    /// Makes the plan of a schema, if there is none.
    fn make_plan(
        &self,
        plans: &Plans<F::Reader>,
        frame: &Frame<'_>,
        schema: Arc<CompleteSchema>,
    ) -> Result<Arc<Plan<F::Reader>>, Unusable> {
        plans.get_or_make(frame.head(), || {
            self.check_rules(schema.registered(), Direction::Read)?;
            let message = if F::HAS_MESSAGE_INDEXES { frame.message() } else { Vec::new() };
            match self.format.reader(&schema, &message) {
                Ok(reader) => Ok(Plan { schema, reader }),
                Err(error) => Err(Unusable::unreadable(schema.registered(), &error)),
            }
        })
    }

    /// Makes records with this head readable, or known as unreadable.
    fn plan(&self, ctx: &SerdeContext<'_>, frame: &Frame<'_>, schema: Arc<CompleteSchema>) {
        // Why it cannot be read is said with the record.
        drop(self.with_plans(ctx, |plans| self.make_plan(plans, frame, schema)));
    }

    /// Makes records with this head readable.
    pub(super) fn ready_to_read<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        // What is no frame is said when the record is read.
        let Ok(frame) = self.frame(&ctx, bytes) else { return Ready::now() };
        if self.with_plans(&ctx, |plans| plans.has(frame.head())) {
            return Ready::now();
        }
        match self.registry.schema(frame.key(), self.subject_before_reading(&ctx)) {
            Found::Now(Ok(known)) => {
                self.plan(&ctx, &frame, known.value);
                Ready::now()
            }
            Found::Now(Err(no_answer)) => Err(unread(&ctx, no_answer)).into(),
            Found::Later(question) => Ready::when(async move {
                let known = question.await.map_err(|no_answer| unread(&ctx, no_answer))?;
                self.plan(&ctx, &frame, known.value);
                Ok(())
            }),
        }
    }

    /// Reads a record by its plan; `None` if its schema has to be waited for.
    pub(super) fn read_by_plan<T>(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
        read: impl FnOnce(&F::Reader, &Bytes, &Arc<CompleteSchema>) -> Result<T, SerdeError>,
    ) -> Option<Result<T, SerdeError>> {
        let frame = match self.frame(ctx, bytes) {
            Ok(frame) => frame,
            Err(error) => return Some(Err(error)),
        };
        self.with_plans(ctx, |plans| {
            let table = plans.load();
            let made;
            let plan = match table.get(frame.head()) {
                Some(plan) => plan,
                None => match self.plan_without_waiting(ctx, plans, &frame)? {
                    Ok(plan) => {
                        made = plan;
                        &made
                    }
                    Err(error) => return Some(Err(error)),
                },
            };
            Some(read(&plan.reader, &frame.payload(bytes), &plan.schema))
        })
    }

    /// The plan of a record that has none yet: its schema may be known all the same, or that it cannot be read.
    fn plan_without_waiting(
        &self,
        ctx: &DeserializeContext<'_>,
        plans: &Plans<F::Reader>,
        frame: &Frame<'_>,
    ) -> Option<Planned<F::Reader>> {
        if let Some(unusable) = plans.unusable(frame.head()) {
            return Some(Err(unusable.into_error(ctx)));
        }
        let known = match self.registry.known(&plans.place(frame.key()))? {
            Ok(known) => known,
            Err(no_answer) => return Some(Err(unread(ctx, no_answer))),
        };
        let plan = self.make_plan(plans, frame, known.value);
        Some(plan.map_err(|unusable| unusable.into_error(ctx)))
    }
}

impl<F, T> Deserializer<T> for Registered<F>
where
    F: SchemaFormat,
    F::Reader: Deserializer<T>,
{
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        self.ready_to_read(ctx, bytes)
    }

    fn deserialize_now(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Option<Result<T, SerdeError>> {
        self.read_by_plan(ctx, bytes, |reader, payload, _| reader.deserialize(ctx, payload))
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        self.deserialize_now(ctx, bytes).unwrap_or_else(not_ready)
    }
}

/// A record that nobody has made ready.
pub(super) fn not_ready<T>() -> Result<T, SerdeError> {
    Err(SerdeError::unavailable(NOT_READY))
}

const NOT_READY: &str =
    "its schema is not known yet: `Deserializer::ready` has to be awaited for a record before it is read";

/// A record cannot be read, because the registry does not give its schema. The record is to blame if that says, for good, that there
/// is no such schema, and never else.
fn unread(ctx: &SerdeContext<'_>, NoAnswer { error, is_final }: NoAnswer) -> SerdeError {
    match error.kind() {
        _ if !is_final => SerdeError::unavailable(error),
        RegistryErrorKind::NotFound => SerdeError::decode(ctx, error),
        _ => SerdeError::schema(error),
    }
}
