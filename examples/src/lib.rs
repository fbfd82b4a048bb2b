//! What both examples share: the variants that are compared, intervals over seeds, and the table.

pub mod interval;
pub mod report;
pub mod variant;
