//! What is varied: numbers between two ends, or one of several values.

use crate::{Error, Result};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The settings of one trial: key and value as a configuration writes them.
pub type Parameters = BTreeMap<String, String>;

/// Everything that is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// In the order in which they were named.
    pub dimensions: Vec<Dimension>,
}

/// One setting that is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// The key of a configuration, or the name of a regularizer for its λ.
    pub key: String,
    /// Its values.
    pub domain: Domain,
}

/// The values of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// Numbers from `low` to `high`, both included.
    Range {
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
        /// How they are spread.
        scale: Scale,
        /// Whether they are whole numbers.
        whole: bool,
    },
    /// One of these.
    Choice(Vec<String>),
}

/// How numbers are spread over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal differences.
    Linear,
    /// Equal ratios.
    Log,
}

/// A range whose ends are this far apart is searched by ratios where nothing else is said: λ is a
/// matter of orders of magnitude.
const WIDE: f64 = 10.0;

impl Space {
    /// Reads `KEY=LOW..HIGH` (with `:log`, `:linear`, `:whole`) and `KEY=A,B,C`, one text a setting.
    ///
    /// # Errors
    /// [`Error::Grammar`], [`Error::Twice`].
    pub fn parse(texts: &[String]) -> Result<Self> {
        let dimensions = texts.iter().map(|text| Dimension::parse(text));
        let dimensions = dimensions.collect::<Result<Vec<_>>>()?;
        let mut keys = BTreeSet::new();
        match dimensions.iter().find(|d| !keys.insert(d.key.as_str())) {
            Some(twice) => Err(Error::Twice { key: twice.key.clone() }),
            None => Ok(Self { dimensions }),
        }
    }

    /// Points of a grid with `points` values of each range.
    pub fn grid_len(&self, points: usize) -> f64 {
        self.dimensions.iter().map(|d| d.domain.places(points).len() as f64).product()
    }

    /// The `index`-th point of a grid with `points` values of each range; the last setting changes
    /// fastest.
    pub fn grid_point(&self, points: usize, mut index: usize) -> Parameters {
        let mut parameters = Parameters::new();
        for dimension in self.dimensions.iter().rev() {
            let places = dimension.domain.places(points);
            let value = places[index % places.len()].clone();
            index /= places.len();
            parameters.insert(dimension.key.clone(), value);
        }
        parameters
    }

    /// A point drawn at random: evenly on the scale of each setting.
    pub fn draw(&self, rng: &mut impl Rng) -> Parameters {
        let one = |d: &Dimension| (d.key.clone(), d.domain.drawn(rng.random::<f64>()));
        self.dimensions.iter().map(one).collect()
    }
}

impl Dimension {
    fn parse(text: &str) -> Result<Self> {
        let wrong =
            |reason: &str| Error::Grammar { text: text.to_owned(), reason: reason.to_owned() };
        let (key, values) = text.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
        let key = key.trim().to_owned();
        if key.is_empty() {
            return Err(wrong("the key is missing"));
        }
        let Some((low, rest)) = values.split_once("..") else {
            let values: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
            if values.len() < 2 || values.iter().any(String::is_empty) {
                return Err(wrong("a choice needs at least two values"));
            }
            let unique: BTreeSet<&String> = values.iter().collect();
            if unique.len() < values.len() {
                return Err(wrong("a value is given twice"));
            }
            return Ok(Self { key, domain: Domain::Choice(values) });
        };
        let mut parts = rest.split(':').map(str::trim);
        let number = |text: &str| -> Result<f64> {
            let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            number.ok_or_else(|| wrong(&format!("`{text}` is not a number")))
        };
        let (low, high) = (number(low)?, number(parts.next().unwrap_or_default())?);
        if low >= high {
            return Err(wrong("the first number must be below the second"));
        }
        let mut scale = None;
        let mut whole = false;
        for word in parts {
            match word {
                "log" => scale = Some(Scale::Log),
                "linear" => scale = Some(Scale::Linear),
                "whole" => whole = true,
                other => return Err(wrong(&format!("`{other}` is not one of log, linear, whole"))),
            }
        }
        let wide = low > 0.0 && high >= WIDE * low;
        let scale = scale.unwrap_or(if wide { Scale::Log } else { Scale::Linear });
        if scale == Scale::Log && low <= 0.0 {
            return Err(wrong("a logarithmic range must start above 0"));
        }
        if whole && (low.ceil() > high.floor()) {
            return Err(wrong("there is no whole number in between"));
        }
        Ok(Self { key, domain: Domain::Range { low, high, scale, whole } })
    }
}

impl Domain {
    /// The value at this share of the way, from 0 to 1.
    pub fn at(&self, share: f64) -> String {
        match self {
            Self::Choice(values) => {
                let index = (share * values.len() as f64) as usize;
                values[index.min(values.len() - 1)].clone()
            }
            Self::Range { low, high, scale, whole } => {
                let value = match scale {
                    Scale::Linear => low + share * (high - low),
                    Scale::Log => (low.ln() + share * (high / low).ln()).exp(),
                };
                match whole {
                    true => format!("{}", value.round().clamp(low.ceil(), high.floor())),
                    // What is shown is what is trained.
                    false => format!("{}", significant(value).clamp(*low, *high)),
                }
            }
        }
    }

    /// The value for a draw from 0 to 1: as [`Domain::at`], but a whole number, the ends too, has all that is rounded to it.
    fn drawn(&self, share: f64) -> String {
        match self {
            Self::Range { low, high, scale, whole: true } => {
                let (first, last) = (low.ceil(), high.floor());
                let (low, high) = (first - 0.5, last + 0.5);
                let around = Self::Range { low, high, scale: *scale, whole: false };
                let value: f64 = around.at(share).parse().unwrap_or(first);
                format!("{}", value.round().clamp(first, last))
            }
            other => other.at(share),
        }
    }

    /// The values of a grid with up to `points` of a range, none twice: whole numbers that lie close are met less often.
    fn places(&self, points: usize) -> Vec<String> {
        let points = points.max(1);
        match self {
            Self::Choice(values) => values.clone(),
            Self::Range { low, high, whole: true, .. }
                if high.floor() - low.ceil() < points as f64 =>
            {
                (low.ceil() as i64..=high.floor() as i64).map(|value| value.to_string()).collect()
            }
            Self::Range { .. } => {
                let share = |i: usize| match points {
                    1 => 0.5,
                    _ => i as f64 / (points - 1) as f64,
                };
                let mut values: Vec<String> = (0..points).map(|i| self.at(share(i))).collect();
                values.dedup();
                values
            }
        }
    }
}

/// Four digits: a search tells settings apart no further.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use softreg::{Purpose, Seed};

    fn space(texts: &[&str]) -> Space {
        Space::parse(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn ranges_and_choices_are_read() {
        let read =
            space(&["consistency=0.1..10", "training.batch=16,32", "network.width=8..32:whole"]);
        let range = |low, high, scale, whole| Domain::Range { low, high, scale, whole };
        assert_eq!(read.dimensions[0].domain, range(0.1, 10.0, Scale::Log, false));
        assert_eq!(read.dimensions[1].domain, Domain::Choice(vec!["16".into(), "32".into()]));
        assert_eq!(read.dimensions[2].domain, range(8.0, 32.0, Scale::Linear, true));
        assert_eq!(space(&["l2=0..1"]).dimensions[0].domain, range(0.0, 1.0, Scale::Linear, false));
        for (text, word) in [
            ("consistency", "no `=`"),
            ("=1..2", "key is missing"),
            ("a=2..1", "below the second"),
            ("a=0..1:log", "above 0"),
            ("a=1..x", "not a number"),
            ("a=1", "two values"),
            ("a=1,1", "given twice"),
            ("a=1..2:lag", "not one of"),
            ("a=0.2..0.8:whole", "no whole number"),
        ] {
            let error = Space::parse(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(matches!(
            Space::parse(&["a=1..2".to_owned(), "a=3,4".to_owned()]),
            Err(Error::Twice { .. })
        ));
    }

    #[test]
    fn a_grid_holds_the_ends_and_every_combination_once() {
        let space = space(&["a=0.1..10", "b=x,y", "c=1..2:whole"]);
        assert_eq!(space.grid_len(3), 12.0);
        let points: BTreeSet<Vec<String>> =
            (0..12).map(|i| space.grid_point(3, i).into_values().collect()).collect();
        assert_eq!(points.len(), 12);
        let a: BTreeSet<&str> = points.iter().map(|p| p[0].as_str()).collect();
        assert_eq!(a, BTreeSet::from(["0.1", "1", "10"]));
    }

    #[test]
    fn whole_numbers_are_drawn_alike_and_grids_hold_the_ends() {
        let few = space(&["a=1..3:whole", "b=1..3:whole:log"]);
        let mut rng = Seed(3).rng(Purpose::Search, 0);
        let mut drawn = [0usize; 4];
        for _ in 0..3000 {
            drawn[few.draw(&mut rng)["a"].parse::<usize>().unwrap()] += 1;
        }
        assert!(drawn[1..].iter().all(|n| (900..1100).contains(n)), "{drawn:?}");
        for points in [2, 3] {
            let of = |key: &str| -> BTreeSet<String> {
                (0..points * points).map(|i| few.grid_point(points, i)[key].clone()).collect()
            };
            for key in ["a", "b"] {
                let values = of(key);
                assert!(values.len() == points && values.contains("1") && values.contains("3"));
            }
        }
        let wide = space(&["a=1..9:whole"]);
        let all: BTreeSet<String> = (0..9).map(|i| wide.grid_point(9, i)["a"].clone()).collect();
        assert_eq!(all.len(), 9);
    }

    proptest! {
        #[test]
        fn draws_are_inside_and_spread_on_their_scale(seed in 0u64..1000, low in 1e-4..1.0f64, ratio in 10.0..1e4f64) {
            let high = low * ratio;
            let space = space(&[&format!("a={low}..{high}"), "b=1..9:whole"]);
            let mut rng = Seed(seed).rng(Purpose::Search, 0);
            let mut below = 0;
            for _ in 0..200 {
                let drawn = space.draw(&mut rng);
                let a: f64 = drawn["a"].parse().unwrap();
                prop_assert!(a >= low && a <= high);
                let b: f64 = drawn["b"].parse().unwrap();
                prop_assert!(b.fract() == 0.0 && (1.0..=9.0).contains(&b));
                below += usize::from(a < (low * high).sqrt());
            }
            // Half of them below the geometric mean: within 6 standard deviations.
            prop_assert!((58..=142).contains(&below), "{below}");
        }
    }
}
