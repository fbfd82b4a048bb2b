//! One measured value over the steps, made fit for a chart of a given width.

use crate::metrics::Row;

/// A named value; steps rise, values may be NaN.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// The key of the step that the measures of a row are of, which is an earlier one.
pub(super) const MEASURED: &str = "validation/step";

/// Points for one unbroken line.
pub(super) type Line = Vec<(f64, f64)>;

impl Curve {
    /// The values of `key`; rows without it have no point.
    pub(super) fn new(name: &str, key: &str, rows: &[Row]) -> Self {
        let of_earlier = key.starts_with("validation/");
        let step = |row: &Row| row.get(MEASURED).filter(|_| of_earlier).unwrap_or(row.step as f64);
        let point = |row: &Row| Some((step(row), row.get(key)?));
        Self { name: name.to_string(), points: rows.iter().filter_map(point).collect() }
    }

    /// Pictures per second; a row that was written after the last step has none.
    pub(super) fn speed(rows: &[Row]) -> Self {
        let all = rows.iter().map(|row| (row.step as f64, row.images_per_second));
        Self { name: String::new(), points: all.filter(|(_, speed)| speed.is_finite()).collect() }
    }

    /// How many values are NaN.
    pub(super) fn lost(&self) -> usize {
        self.points.iter().filter(|(_, v)| !v.is_finite()).count()
    }

    /// How many neighbours a mean is taken over: a fiftieth of the curve, an odd number.
    pub(super) fn window(&self) -> usize {
        (self.points.len() / 50) | 1
    }

    /// The values as lines, broken where a value is NaN.
    pub(super) fn measured(&self) -> Vec<Line> {
        lines(self.points.iter().copied())
    }

    /// For each of at most `columns` columns its middle step, lowest and highest value.
    pub(super) fn envelope(&self, columns: usize) -> Vec<(f64, f64, f64)> {
        let per_column = self.points.len().div_ceil(columns.max(1)).max(1);
        let extent = |column: &[(f64, f64)]| {
            let finite = || column.iter().map(|p| p.1).filter(|v| v.is_finite());
            let (low, high) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
            Some((column[column.len() / 2].0, low, high))
        };
        self.points.chunks(per_column).filter_map(extent).collect()
    }

    /// The mean over the window around each of at most `columns` evenly chosen points. NaN values
    /// do not count, and values outside of `low..=high` count as its edge: one spike would
    /// otherwise lift a whole window off the chart. The line breaks where a value is NaN.
    pub(super) fn smoothed(&self, columns: usize, (low, high): (f64, f64)) -> Vec<Line> {
        let half = self.window() / 2;
        let last = self.points.len().saturating_sub(1);
        let count = self.points.len().min(columns.max(2));
        lines((0..count).map(|index| {
            let middle = if count == 1 { 0 } else { index * last / (count - 1) };
            let (step, value) = self.points[middle];
            let around = &self.points[middle.saturating_sub(half)..=(middle + half).min(last)];
            let (sum, number) = around
                .iter()
                .filter(|(_, v)| v.is_finite())
                .fold((0.0, 0u32), |(sum, n), (_, v)| (sum + v.clamp(low, high), n + 1));
            (step, if value.is_finite() { sum / f64::from(number) } else { f64::NAN })
        }))
    }
}

/// Unbroken stretches of finite values.
fn lines(points: impl Iterator<Item = (f64, f64)>) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    for point in points {
        if !point.1.is_finite() {
            lines.push(Line::new());
        } else if let Some(line) = lines.last_mut() {
            line.push(point);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The range of values to show: all of them, or the middle 98 % where the rest would squeeze them
/// into less than half of the height. `None` when none is finite.
pub(super) fn value_range(curves: &[Curve], from_zero: bool) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = curves
        .iter()
        .flat_map(|c| c.points.iter().map(|p| p.1))
        .filter(|v| v.is_finite())
        // Larger ones would overflow in the differences below.
        .map(|v| v.clamp(-1e30, 1e30))
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*values.first()?, *values.last()?);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    let (mut low, mut high) = (at(0.01), at(0.99));
    if last - first <= 2.0 * (high - low) || values.len() < 20 {
        (low, high) = (first, last);
    }
    if from_zero {
        low = low.min(0.0);
        high = high.max(0.0);
    }
    let size = low.abs().max(high.abs());
    let pad = if high - low > size * 1e-9 {
        (high - low) * 0.06
    } else if size > 0.0 {
        size * 0.5
    } else {
        1.0
    };
    let floor = if from_zero && low == 0.0 { 0.0 } else { low - pad };
    Some((floor, high + pad))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: impl IntoIterator<Item = f64>) -> Curve {
        Curve { name: String::new(), points: (1u32..).map(f64::from).zip(values).collect() }
    }

    #[test]
    fn lines_break_at_nan_and_means_pass_over_it() {
        let nan = f64::NAN;
        let broken = curve([1.0, nan, 3.0, 4.0, nan]);
        assert_eq!(broken.lost(), 2);
        assert_eq!(broken.measured(), [vec![(1.0, 1.0)], vec![(3.0, 3.0), (4.0, 4.0)]]);
        let long = curve((0..500).map(|i| if i == 250 { nan } else { f64::from(i) }));
        assert_eq!(long.window(), 11);
        let lines = long.smoothed(1000, (0.0, 500.0));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0][100], (101.0, 100.0));
        // Eleven neighbours less the lost one.
        assert_eq!(lines[0][249].1, (2739.0 - 250.0) / 10.0);
    }

    #[test]
    fn a_spike_neither_sets_the_range_nor_lifts_the_mean_off_it() {
        let spiky = curve((0..1000).map(|i| if i % 200 == 7 { 1e9 } else { f64::from(i % 10) }));
        let (low, high) = value_range(std::slice::from_ref(&spiky), false).unwrap();
        assert!(low < 0.0 && (9.0..11.0).contains(&high), "{low} {high}");
        let means = spiky.smoothed(100, (low, high));
        assert!(means.iter().flatten().all(|p| p.1 < 6.0));
        assert_eq!(spiky.envelope(10)[0], (51.0, 0.0, 1e9));
        // Where there is no outlier everything is shown.
        assert_eq!(value_range(&[curve([0.0, 100.0])], true), Some((0.0, 106.0)));
        assert_eq!(value_range(&[curve([4.0; 50])], false), Some((2.0, 6.0)));
        assert_eq!(value_range(&[curve([f64::NAN; 50])], false), None);
        let (low, high) = value_range(&[curve([f64::MAX, f64::MIN])], false).unwrap();
        assert!(low.is_finite() && high.is_finite());
    }
}
