//! Combinations: `allOf`, `anyOf`, `oneOf`, several types, and keywords that stand beside each other.

use super::Comparison;
use crate::BudgetExceeded;
use crate::json_schema::matching;
use crate::json_schema::model::{Combined, Criterion};

/// Compares two combinations: each branch of the smaller one needs a partner of its own that it fits, or that fits it.
pub(super) fn compare(c: &mut Comparison<'_>, old: &Combined, new: &Combined) -> Result<(), BudgetExceeded> {
    if !may_become(old, new) {
        let problem = format!("{} has become {}", old.criterion.keyword(), new.criterion.keyword());
        c.breaks("COMBINED_TYPE_CHANGED", "", problem);
        return Ok(());
    }
    let (olds, news) = (old.branches.len(), new.branches.len());
    if olds < news && new.criterion == Criterion::All {
        c.breaks("PRODUCT_TYPE_EXTENDED", "", format!("allOf has {news} branches and had {olds}"));
    } else if olds > news && old.criterion != Criterion::All {
        let keyword = old.criterion.keyword();
        c.breaks("SUM_TYPE_NARROWED", "", format!("{keyword} had {olds} branches and has {news}"));
    }
    let mut edges = vec![Vec::new(); olds];
    for (edges, &writer) in edges.iter_mut().zip(&old.branches) {
        for (index, &reader) in new.branches.iter().enumerate() {
            if c.fits(writer, reader)? {
                edges.push(index);
            }
        }
    }
    let partners = matching::maximum(&edges, news, || c.step())?;
    if partners.iter().flatten().count() < olds.min(news) {
        let problem = match partners.iter().position(Option::is_none) {
            Some(lonely) => {
                format!("no branch is left for {}/{lonely} of the old schema", old.criterion.keyword())
            }
            None => "the branches do not fit each other".to_owned(),
        };
        c.breaks("COMBINED_TYPE_SUBSCHEMAS_CHANGED", "", problem);
    }
    Ok(())
}

/// Whether the change of the keyword alone lets everything pass that passed.
fn may_become(old: &Combined, new: &Combined) -> bool {
    let is_single = |combined: &Combined| combined.branches.len() == 1;
    old.criterion == new.criterion
        || new.criterion == Criterion::Any
        || (is_single(old) && (is_single(new) || new.criterion == Criterion::One))
        || (is_single(new) && old.criterion == Criterion::All)
}
