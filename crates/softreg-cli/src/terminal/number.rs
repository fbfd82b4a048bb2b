//! Numbers as a person reads them.

use softreg_metric::Interval;

/// Four significant digits.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs().log10().floor();
    match value {
        0.0 => "0".to_owned(),
        _ if !(-4.0..6.0).contains(&size) => format!("{value:.3e}"),
        _ => format!("{value:.*}", (3.0 - size).max(0.0) as usize),
    }
}

/// A value and half its interval, where that is known: two digits of the half and of the value.
pub(crate) fn with_half(value: &Interval) -> String {
    match value.half {
        None => digits(value.mean),
        Some(half) if half > 0.0 && half.is_finite() => {
            let two =
                |of: f64| if of == 0.0 { 0.0 } else { (1.0 - of.abs().log10().floor()).max(0.0) };
            let places = two(half).max(two(value.mean).min(two(half) + 2.0));
            // So small that only powers of ten tell.
            if places > 6.0 || value.mean.abs() >= 1e6 {
                return format!("{} ± {}", digits(value.mean), digits(half));
            }
            let places = places as usize;
            format!("{:.places$} ± {half:.places$}", value.mean)
        }
        Some(half) => format!("{} ± {}", digits(value.mean), digits(half)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let written = [0.0, 1234.56, 12.3456, -0.05, 0.000_012_34, 3e9].map(digits);
        assert_eq!(written, ["0", "1235", "12.35", "-0.05000", "1.234e-5", "3.000e9"]);
    }

    #[test]
    fn values_are_written_as_far_as_they_are_known() {
        let of = |mean, half| with_half(&Interval { mean, half: Some(half) });
        assert_eq!(of(4.6321, 5.5421), "4.6 ± 5.5");
        assert_eq!(of(0.006_556, 0.003_202), "0.0066 ± 0.0032");
        assert_eq!(of(1234.5, 56.0), "1234 ± 56");
        assert_eq!(of(0.7262, 3.21), "0.73 ± 3.21");
        assert_eq!(of(1.0, 0.0), "1.000 ± 0");
        assert_eq!(of(1e-9, 1e-10), "1.000e-9 ± 1.000e-10");
        assert_eq!(with_half(&Interval { mean: 0.5, half: None }), "0.5000");
    }
}
