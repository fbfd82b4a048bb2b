//! A mean over a few runs, and how far it can be trusted.

/// The mean of some runs with its 95 % confidence interval, by Student's t distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval; `None` for a single run, which says nothing of its spread.
    pub half: Option<f64>,
}

/// 97.5 % quantiles of the t distribution with 1, 2, … degrees of freedom.
const T: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
];

impl Interval {
    /// Of the values of runs that differ in their seed alone; there must be one at least.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half = (values.len() > 1).then(|| {
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            T[(values.len() - 2).min(T.len() - 1)] * (variance / n).sqrt()
        });
        Self { mean, half }
    }

    /// Whether two means may be the same as far as their intervals tell.
    pub fn overlaps(&self, other: &Self) -> bool {
        let reach = self.half.unwrap_or(f64::INFINITY) + other.half.unwrap_or(f64::INFINITY);
        (self.mean - other.mean).abs() <= reach
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.half {
            Some(half) => write!(f, "{:.2} ± {half:.2}", self.mean),
            None => write!(f, "{:.2} ± —", self.mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_student() {
        // Mean 2, standard deviation 1, three runs: 4.303/√3.
        let interval = Interval::of(&[1.0, 2.0, 3.0]);
        assert_eq!(interval.mean, 2.0);
        assert!((interval.half.unwrap_or(0.0) - 4.303 / 3f64.sqrt()).abs() < 1e-9);
        assert_eq!(Interval::of(&[5.0]).to_string(), "5.00 ± —");
        assert!(interval.overlaps(&Interval::of(&[4.0, 4.1, 4.2])));
        assert!(!interval.overlaps(&Interval::of(&[9.0, 9.1, 9.2])));
    }
}
