use super::{Pairing, PairingError, Partners, Samples, rows_by_group};
use crate::setting::Part;
use rand::{Rng, RngExt};
use std::sync::Arc;

/// The partner is another sample of the batch, uniformly at random, never the sample itself.
///
/// Drawn as one random cycle through the batch (Sattolo's algorithm), so that every sample is a
/// partner exactly once and the outputs that exist already are reused: no extra pass. With groups
/// there is one cycle per group, and a sample that is alone in its group stays without a partner.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle;

pub(super) const PART: Part<dyn Pairing> = Part {
    name: "shuffle",
    formula: "another sample from the batch",
    settings: &[],
    build: |_| Arc::new(Shuffle),
};

impl Pairing for Shuffle {
    fn name(&self) -> &'static str {
        "shuffle"
    }

    fn extra_pass(&self) -> bool {
        false
    }

    fn draw(&self, samples: &Samples<'_>, rng: &mut dyn Rng) -> Result<Partners, PairingError> {
        let n = samples.shape.first().copied().unwrap_or(0);
        let groups = rows_by_group(samples);
        let (mut left, mut right) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for rows in groups.iter().filter(|rows| rows.len() > 1) {
            let mut cycle = rows.clone();
            for i in (1..cycle.len()).rev() {
                cycle.swap(i, rng.random_range(0..i));
            }
            left.extend_from_slice(rows);
            right.extend_from_slice(&cycle);
        }
        if left.is_empty() {
            return Err(PairingError::NoPartner { pairing: self.name(), batch: n });
        }
        Ok(Partners::InBatch { samples: left, partners: right })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, Seed};
    use burn::tensor::{Device, Tensor};

    fn draw(
        n: usize,
        groups: Option<&[u32]>,
        seed: u64,
    ) -> Result<Vec<(usize, usize)>, PairingError> {
        let rows = Tensor::<2>::zeros([n, 1], &Device::flex());
        let shape = [n, 1];
        let samples = Samples { rows, shape: &shape, groups, fresh: None };
        match Shuffle.draw(&samples, &mut Seed(seed).rng(Purpose::Partner, 0))? {
            Partners::InBatch { samples, partners } => {
                Ok(samples.into_iter().zip(partners).collect())
            }
            _ => unreachable!("shuffle stays in the batch"),
        }
    }

    #[test]
    fn nobody_is_its_own_partner_and_everybody_is_one_once() {
        for seed in 0..200 {
            let n = 2 + seed as usize % 9;
            let pairs = draw(n, None, seed).unwrap();
            assert!(pairs.iter().all(|(a, b)| a != b));
            let mut partners: Vec<_> = pairs.iter().map(|p| p.1).collect();
            partners.sort_unstable();
            assert_eq!(partners, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_other_sample_is_equally_likely() {
        let mut counts = [0u32; 5];
        for seed in 0..8000 {
            counts[draw(5, None, seed).unwrap()[0].1] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|c| (1800..2200).contains(c)), "{counts:?}");
    }

    #[test]
    fn partners_share_the_group() {
        let labels = [3, 1, 3, 1, 2, 1];
        let pairs = draw(6, Some(&labels), 4).unwrap();
        assert_eq!(pairs.len(), 5, "the only sample of group 2 has no partner");
        assert!(pairs.iter().all(|(a, b)| labels[*a] == labels[*b] && a != b));
    }

    #[test]
    fn a_batch_of_one_is_refused_with_the_way_out() {
        let error = draw(1, None, 0).unwrap_err();
        assert!(error.to_string().contains("batch size of at least 2"), "{error}");
    }
}
