//! Named regularizers: compositions with their defaults and sources, one file each.

mod approximate_gradient;
pub(crate) mod balanced;
pub(crate) mod consistency;
pub(crate) mod diversity;
pub(crate) mod l1;
pub(crate) mod l2;
pub(crate) mod mode_seeking;
mod on_players;
pub(crate) mod pair;
pub(crate) mod slope_fake;
pub(crate) mod slope_real;
