use crate::overfitting::Signs;

/// Adaptive augmentation: with which probability each augmentation changes a picture, as much as keeps
/// overfitting at a target. Source: ADA, arXiv 2006.06676, section 3.1.
///
/// At every adjustment the probability moves by `images/speed`, up where `r_t` lies above the target and
/// down where below, within 0..=1 (the authors' program has no upper bound). Deviation: the augmentations
/// are this crate's, not the paper's pipeline, whose changes of colour and shape are more and finer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probability {
    /// The `r_t` to be held; 0.6 in the paper.
    pub target: f64,
    /// Real pictures in which the probability goes from 0 to 1; 500,000 in the paper.
    pub speed: u64,
}

impl Probability {
    /// The new probability after `images` more pictures with these signs.
    pub fn adjust(&self, probability: f64, signs: &Signs, images: u64) -> f64 {
        let way = if signs.r_t > self.target { 1.0 } else { -1.0 };
        (probability + way * images as f64 / self.speed as f64).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_follows_the_sign_within_its_bounds() {
        let adaptive = Probability { target: 0.6, speed: 1000 };
        let signs = |r_t| Signs { r_t, r_v: None };
        assert_eq!(adaptive.adjust(0.5, &signs(0.9), 100), 0.6);
        assert_eq!(adaptive.adjust(0.5, &signs(0.1), 100), 0.4);
        assert_eq!(adaptive.adjust(0.95, &signs(0.9), 100), 1.0);
        assert_eq!(adaptive.adjust(0.0, &signs(-1.0), 100), 0.0);
    }
}
