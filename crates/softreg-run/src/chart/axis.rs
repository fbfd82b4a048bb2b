//! Round places on an axis, and how numbers are written there.

/// Round values in a range.
pub(super) struct Marks {
    /// Rising.
    pub(super) places: Vec<f64>,
    /// Their distance: 1, 2 or 5 times a power of ten.
    pub(super) step: f64,
}

/// At most about `count` round values in `low..=high`.
pub(super) fn marks((low, high): (f64, f64), count: f64) -> Marks {
    let rough = (high - low) / count;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|digit| digit * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    // A range that is tiny beside its values has no round values within the precision of a float.
    let number = if (0.0..100.0).contains(&(last - first)) { (last - first) as u32 + 1 } else { 0 };
    Marks { places: (0..number).map(|i| (first + f64::from(i)) * step).collect(), step }
}

/// The steps to show: from zero, or from the first when that is far from it.
pub(super) fn step_range(steps: impl Iterator<Item = f64>) -> (f64, f64) {
    let (first, last) = steps.fold((f64::MAX, 0.0), |(a, b), s| (s.min(a), s.max(b)));
    if first >= last {
        (first - 1.0, first + 1.0)
    } else if first < last * 0.05 {
        (0.0, last)
    } else {
        (first, last)
    }
}

/// A whole number with separators, or in millions.
pub(super) fn count(number: f64) -> String {
    let whole = number.round();
    if whole.abs() >= 1e6 {
        let millions = format!("{:.2}", whole / 1e6);
        return format!("{}M", millions.trim_end_matches('0').trim_end_matches('.'));
    }
    let digits = format!("{:.0}", whole.abs());
    let sign = if whole < 0.0 { "−" } else { "" };
    match digits.len().checked_sub(3) {
        Some(split) if split > 0 => format!("{sign}{},{}", &digits[..split], &digits[split..]),
        _ => format!("{sign}{digits}"),
    }
}

/// A value with as many places as neighbouring marks, `step` apart, need.
pub(super) fn value(number: f64, step: f64) -> String {
    if number.abs() >= 1e6 || (number != 0.0 && step < 1e-5) {
        return format!("{number:.1e}").replace('-', "−");
    }
    let places = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{:.places$}", number.abs());
    let negative = number < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if negative { format!("−{text}") } else { text }
}

/// A length of time in the two units that matter.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown time".to_string();
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        let labels = |range, count| {
            let marks = marks(range, count);
            marks.places.iter().map(|m| value(*m, marks.step)).collect::<Vec<_>>()
        };
        assert_eq!(labels((-0.31, 1.02), 6.0), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels((-0.31, 0.12), 6.0), ["−0.3", "−0.2", "−0.1", "0.0", "0.1"]);
        assert_eq!(labels((0.0, 5000.0), 5.0), ["0", "1000", "2000", "3000", "4000", "5000"]);
        assert_eq!(labels((0.0, 0.14), 4.0), ["0.00", "0.05", "0.10"]);
        assert_eq!(labels((0.0, 2.1e9), 2.0), ["0", "2.0e9"]);
        assert!(labels((1e30, 1e30), 6.0).is_empty());
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [0.0, 999.0, 5000.0, 320_000.0, 1e6, 1.5e6, 64e6].map(count),
            ["0", "999", "5,000", "320,000", "1M", "1.5M", "64M"]
        );
        assert_eq!(
            [0.4, 61.0, 7260.0, f64::NAN].map(duration),
            ["0 s", "1 min 1 s", "2 h 1 min", "unknown time"]
        );
        assert_eq!(step_range([10.0, 5000.0].into_iter()), (0.0, 5000.0));
        assert_eq!(step_range([3000.0, 5000.0].into_iter()), (3000.0, 5000.0));
        assert_eq!(step_range([7.0].into_iter()), (6.0, 8.0));
    }
}
