//! What both examples share: the variants that are compared, and the table.

pub mod report;
pub mod variant;
