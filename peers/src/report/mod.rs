//! How results are shown.

pub(crate) mod markdown;
pub(crate) mod plot;
pub(crate) mod readme;
pub(crate) mod terminal;

mod table;
