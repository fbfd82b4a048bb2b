//! Named regularizers: compositions with their defaults and sources, one file each.

pub(crate) mod consistency;
pub(crate) mod l1;
pub(crate) mod l2;
pub(crate) mod mode_seeking;
mod on_players;
pub(crate) mod pair;
