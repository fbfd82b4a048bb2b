//! A number, and how far it can be trusted.

/// A value with its 95 % confidence interval, `mean ± half`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The value.
    pub mean: f64,
    /// Half the width of the interval; `None` where nothing is known of the spread, as of one run.
    pub half: Option<f64>,
}

/// 97.5 % quantiles of the t distribution with 1, 2, … degrees of freedom.
const T: [f64; 20] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
];

impl Interval {
    /// The mean of values that differ in their draw alone (runs by their seeds, blocks of a set), by
    /// Student's t distribution; there must be one value at least.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half = (values.len() > 1).then(|| {
            T.get(values.len() - 2).copied().unwrap_or(1.96) * deviation(values) / n.sqrt()
        });
        Self { mean, half }
    }

    /// The share of ones among zeros and ones: Wilson's interval (1927), made symmetric about the share
    /// by its farther end. Unlike the normal one it is not of no width at shares of 0 and 1, which few
    /// pictures often have. There must be one value at least.
    pub fn of_share(values: &[f64]) -> Self {
        let (n, z) = (values.len() as f64, 1.96f64);
        let share = values.iter().sum::<f64>() / n;
        let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let spread = (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let reach = z * spread / (1.0 + z * z / n);
        Self { mean: share, half: Some((share - centre).abs() + reach) }
    }

    /// Whether the interval holds `value`; where nothing is known of the spread it may.
    pub fn contains(&self, value: f64) -> bool {
        self.half.is_none_or(|half| (self.mean - value).abs() <= half)
    }

    /// Whether 0 may be the mean as far as the interval tells.
    pub fn reaches_zero(&self) -> bool {
        self.contains(0.0)
    }
}

/// The standard deviation of two or more values, unbiased in its square; 0 of one.
pub fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

/// Half a 95 % interval from the values that a measure takes without each of its pictures in turn:
/// 1.96 jackknife standard errors, `√((n − 1)/n · Σ (v_i − v̄)²)` (Efron 1981). 0 of none.
pub(crate) fn jackknife(without_each: &[f64]) -> f64 {
    let n = without_each.len() as f64;
    1.96 * deviation(without_each) * (n - 1.0).max(0.0) / n.max(1.0).sqrt()
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = match f.sign_plus() {
            true => format!("{:+.2}", self.mean),
            false => format!("{:.2}", self.mean),
        };
        match self.half {
            Some(half) => write!(f, "{mean} ± {half:.2}"),
            None => write!(f, "{mean} ± —"),
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
        // The jackknife of a mean is its standard error.
        let values = [1.0, 4.0, 2.0, 7.0];
        let without: Vec<f64> = values.iter().map(|v| (14.0 - v) / 3.0).collect();
        assert!((jackknife(&without) - 1.96 * deviation(&values) / 2.0).abs() < 1e-12);
        assert_eq!(format!("{:+}", Interval::of(&[1.0, 2.0, 3.0])), "+2.00 ± 2.48");
        assert!(interval.reaches_zero() && Interval::of(&[5.0]).reaches_zero());
        assert!(!Interval::of(&[2.0, 2.1, 2.2]).reaches_zero());
    }

    #[test]
    fn shares_are_those_of_wilson() {
        // scipy, binomtest(5, 20).proportion_ci(method="wilson"): 0.111862 to 0.468701.
        let values: Vec<f64> = (0..20).map(|i| f64::from(i < 5)).collect();
        let share = Interval::of_share(&values);
        assert!((share.mean - 0.25).abs() < 1e-12);
        assert!((share.half.unwrap_or(0.0) - 0.218701).abs() < 1e-4, "{share:?}");
        // None of 20: up to 0.1611.
        assert!((Interval::of_share(&[0.0; 20]).half.unwrap_or(0.0) - 0.161125).abs() < 1e-4);
    }
}
