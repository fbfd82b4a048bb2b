//! The critic's opinion of several sets of pictures, of all in one pass.

use burn::tensor::Tensor;
use softreg_net::{Critic, Opinion, Trace};
use std::ops::Range;

/// Pictures as the critic sees them, without a graph that leads to the generator.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub pixels: Tensor<4>,
    pub labels: Option<Tensor<2>>,
    pub mask: Option<Tensor<2>>,
}

/// What it thinks of them.
#[derive(Clone)]
pub(crate) struct Judged {
    pub opinion: Opinion,
    pub trace: Trace,
}

/// What the critic thinks of each set, in order. The sets are one batch to it: it has no memory and no
/// statistics, so that a picture's opinion is the same in any company, and what a layer does once for a
/// pass, whatever its size (weights put in order, their gradient written), is done once for all of them.
pub(super) fn judge(critic: &Critic, sets: &[Pictures], traced: bool) -> Vec<Judged> {
    let mut trace = if traced { Trace::new() } else { Trace::none() };
    let pixels = Tensor::cat(sets.iter().map(|set| set.pixels.clone()).collect(), 0);
    let labels = together(sets.iter().map(|set| set.labels.clone()));
    let mask = together(sets.iter().map(|set| set.mask.clone()));
    let Opinion { score, features } = critic.judge(pixels, labels, mask, &mut trace);
    let mut end = 0;
    let mut rows = |set: &Pictures| -> Range<usize> {
        let start = end;
        end += set.pixels.dims()[0];
        start..end
    };
    let mut of = |set: &Pictures| {
        let rows = rows(set);
        let cut = |x: &Tensor<2>| x.clone().slice_dim(0, rows.clone());
        let opinion = Opinion { score: cut(&score), features: cut(&features) };
        Judged { opinion, trace: trace.rows(rows) }
    };
    sets.iter().map(&mut of).collect()
}

/// The rows of all sets, where they have some: then all do.
fn together(rows: impl Iterator<Item = Option<Tensor<2>>>) -> Option<Tensor<2>> {
    let rows: Vec<Tensor<2>> = rows.flatten().collect();
    (!rows.is_empty()).then(|| Tensor::cat(rows, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use softreg::{Purpose, Seed};
    use softreg_net::architecture::ARCHITECTURES;
    use softreg_net::{Geometry, Shape, latent};

    #[test]
    fn every_set_is_judged_as_if_it_were_alone() {
        let device = Device::flex();
        let (geometry, classes) = (Geometry::new(16, 16).unwrap(), Some(2));
        for entry in ARCHITECTURES {
            let architecture = entry.architecture;
            let shape = Shape {
                architecture,
                geometry,
                classes,
                channels: 3,
                width: 4,
                latent: 8,
                self_modulation: true,
            };
            let mut rng = Seed(3).rng(Purpose::Weights, 0);
            let critic = Critic::new(&shape, &mut rng, &device);
            let mut drawn = |n: usize, columns: usize| {
                let values = latent::draw(n, columns, None, &mut rng);
                latent::tensor(values, columns, &device)
            };
            let mut set = |n: usize| Pictures {
                pixels: drawn(n, 3 * 16 * 16).reshape([n, 3, 16, 16]),
                labels: Some(drawn(n, 2)),
                mask: Some(drawn(n, critic.feature_count())),
            };
            let sets = [set(3), set(1), set(2)];
            for (set, together) in sets.iter().zip(judge(&critic, &sets, true)) {
                let mut trace = Trace::new();
                let (pixels, labels, mask) =
                    (set.pixels.clone(), set.labels.clone(), set.mask.clone());
                let alone = critic.judge(pixels, labels.clone(), mask.clone(), &mut trace);
                let close = |a: Tensor<2>, b: Tensor<2>| {
                    assert_eq!(a.dims(), b.dims());
                    let far: f32 = (a - b).abs().max().into_scalar();
                    assert!(far < 1e-5, "{architecture:?}: {far}");
                };
                close(together.opinion.score, alone.score);
                close(together.opinion.features, alone.features);
                let gradient = |trace: &Trace| {
                    let gradient = critic.input_gradient(trace, labels.clone(), mask.clone());
                    softreg::scene::rows(gradient)
                };
                close(gradient(&together.trace), gradient(&trace));
            }
        }
    }
}
