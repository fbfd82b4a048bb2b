//! Named regularizers: compositions with their defaults and sources, one file each.

mod approximate_gradient;
pub(crate) mod balanced;
pub(crate) mod consistency;
pub(crate) mod diversity;
pub(crate) mod dropout;
mod exact_gradient;
pub(crate) mod interpolation;
pub(crate) mod l1;
pub(crate) mod l2;
pub(crate) mod latent;
pub(crate) mod lecam;
pub(crate) mod mode_seeking;
pub(crate) mod modulated;
mod on_players;
pub(crate) mod pair;
pub(crate) mod r1;
pub(crate) mod r2;
pub(crate) mod slope_fake;
pub(crate) mod slope_real;
pub(crate) mod spectral;
pub(crate) mod wgan_gp;
