//! How a space is searched.

use crate::{Error, Result, Space};
use serde::{Deserialize, Serialize};

/// How a space is searched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every combination, with so many values of each range.
    Grid {
        /// Values of a range.
        points: usize,
    },
    /// So many draws at random (Bergstra and Bengio 2012).
    Random {
        /// Draws.
        trials: usize,
    },
    /// Asynchronous successive halving (arXiv 1810.05934): draws at random, begun with a small part of
    /// the budget; the best `1/reduction` of each rung go on to `reduction` times as much.
    Asha {
        /// Draws.
        trials: usize,
        /// η.
        reduction: usize,
        /// Rungs, the last of them with the whole budget.
        rungs: usize,
    },
}

/// A larger grid is a mistake.
const MOST_POINTS: usize = 100_000;

impl Method {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Range`], [`Error::Grid`].
    pub fn check(&self, space: &Space) -> Result<()> {
        let range = |name, value: usize, min: usize, max: usize, expected| match value {
            _ if (min..=max).contains(&value) => Ok(()),
            _ => Err(Error::Range { name, value: value as f64, expected }),
        };
        match *self {
            Self::Grid { points } => {
                range("the number of points", points, 1, 1000, "it must be from 1 to 1000")?;
                let count = space.grid_len(points);
                match count <= MOST_POINTS as f64 {
                    true => Ok(()),
                    false => Err(Error::Grid { count, most: MOST_POINTS }),
                }
            }
            Self::Random { trials } => {
                range("the number of trials", trials, 1, MOST_POINTS, "it must be from 1 to 100000")
            }
            Self::Asha { trials, reduction, rungs } => {
                range(
                    "the number of trials",
                    trials,
                    1,
                    MOST_POINTS,
                    "it must be from 1 to 100000",
                )?;
                range("the reduction", reduction, 2, 100, "it must be from 2 to 100")?;
                range("the number of rungs", rungs, 1, 10, "it must be from 1 to 10")
            }
        }
    }
}
