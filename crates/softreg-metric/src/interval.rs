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

/// The 97.5 % quantile of the t distribution with so many degrees of freedom, at least 1: beyond the table by Cornish and
/// Fisher's expansion about the normal one (Abramowitz and Stegun, 26.7.5, to 1/ν²), to 0.0005.
fn quantile(freedom: usize) -> f64 {
    T.get(freedom - 1).copied().unwrap_or_else(|| {
        let (z, v) = (1.959_964f64, freedom as f64);
        z + (z.powi(3) + z) / (4.0 * v)
            + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
    })
}

impl Interval {
    /// The mean of values that differ in their draw alone (runs by their seeds, blocks of a set), by
    /// Student's t distribution; there must be one value at least.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half =
            (values.len() > 1).then(|| quantile(values.len() - 1) * deviation(values) / n.sqrt());
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

    /// By how much this is more than another one, of which the draw is independent.
    pub fn beyond(&self, other: &Self) -> Self {
        let half = self.half.zip(other.half).map(|(a, b)| a.hypot(b));
        Self { mean: self.mean - other.mean, half }
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

/// How probable a mean as far from 0 as that of these values would be if it were 0 and values differed by their draw alone:
/// Student's test, two-sided. None where they do not differ: then nothing is known of their spread.
pub fn student(values: &[f64]) -> Option<f64> {
    let spread = deviation(values);
    if values.len() < 2 || spread <= 0.0 {
        return None;
    }
    let n = values.len() as f64;
    let t = values.iter().sum::<f64>().abs() / n / (spread / n.sqrt());
    // Abramowitz and Stegun, 26.7.3 and 26.7.4, in θ = arctan(t/√ν).
    let freedom = values.len() - 1;
    let theta = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = theta.sin_cos();
    let odd = freedom % 2;
    let (mut term, mut sum) = (if odd == 1 { cosine } else { 1.0 }, 0.0);
    for i in (1 + odd..freedom).step_by(2) {
        sum += term;
        term *= cosine * cosine * i as f64 / (i + 1) as f64;
    }
    let within = match odd {
        1 => std::f64::consts::FRAC_2_PI * (theta + sine * sum),
        _ => sine * sum,
    };
    Some((1.0 - within).clamp(0.0, 1.0))
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
        let of = |mean, half| Interval { mean, half };
        assert_eq!(of(5.0, Some(3.0)).beyond(&of(1.0, Some(4.0))), of(4.0, Some(5.0)));
        assert_eq!(of(5.0, None).beyond(&of(1.0, Some(4.0))), of(4.0, None));
    }

    #[test]
    fn quantiles_beyond_the_table_are_those_of_student() {
        // scipy.stats.t.ppf(0.975, …)
        for (freedom, expected) in
            [(1, 12.7062), (20, 2.08596), (21, 2.07961), (29, 2.04523), (99, 1.98422)]
        {
            assert!((quantile(freedom) - expected).abs() < 5e-4, "{freedom}");
        }
        assert!((quantile(1_000_000) - 1.959_96).abs() < 1e-4);
    }

    #[test]
    fn tests_are_those_of_student() {
        // scipy.stats.ttest_1samp(values, 0).pvalue
        for (values, expected) in [
            (&[1.0, 3.0][..], 0.295_167),
            (&[1.0, 2.0, 3.0], 0.074_180),
            (&[-1.0, 2.0, 3.0, 4.0], 0.161_162),
            (&[1.0, 2.0, 3.0, 1.5, 0.5], 0.020_476),
            (&[1.0, 2.0, 3.0, 1.5, 0.5, 2.5], 0.005_934),
        ] {
            let found = student(values).unwrap();
            assert!((found - expected).abs() < 1e-5, "{values:?}: {found}");
        }
        assert_eq!((student(&[2.0, 2.0]), student(&[2.0])), (None, None));
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
