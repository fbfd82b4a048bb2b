//! Inception-v3 as the Fréchet inception distance uses it.
//!
//! Source: arXiv 1512.00567 in the form that TensorFlow published on 2015-12-05 with 1,008 classes, as
//! pytorch-fid and torch-fidelity ported it. It differs from torchvision's: averages do not count the
//! padding, and the last block's pooling takes the maximum. Weights are read by the names of those ports
//! (`Mixed_5b.branch1x1.conv.weight`); the two files of these programs have the same ones. Layers: `pool`, the 2,048 means
//! of the last block; `logits`, the 1,008 classes; `logits-unbiased`, the same without the bias, as the
//! original Inception score takes them.

use super::{Build, Conv, Network, NetworkEntry};
use crate::Error;
use crate::weights::Weights;
use burn::tensor::Tensor;
use softreg_kernel::{Pool, Pooling, Window, join_channels, pool2d};

pub(super) const ENTRY: NetworkEntry = NetworkEntry {
    name: "inception-v3",
    summary: "ImageNet classifier used for the Fréchet inception distance",
    layers: &["pool", "logits", "logits-unbiased"],
    smallest: 75,
    batch: 16,
    signature: Some(|names| names.contains("Mixed_7c.branch3x3dbl_3b.conv.weight")),
    build: Build::Trained(|weights| Ok(Box::new(Inception::load(weights)?))),
};

/// Of its batch normalisation.
const EPSILON: f64 = 1e-3;
const CLASSES: usize = 1008;

/// Several ways through a block, each a chain of convolutions after its pooling; joined in order.
struct Block {
    ways: Vec<Way>,
}

struct Way {
    pool: Option<Pool>,
    chain: Vec<Conv>,
    /// Two convolutions side by side at the end, where there are any.
    fork: Vec<Conv>,
}

/// 3x3 means without padding in the count, same size.
const MEAN: Pool = Pool {
    window: Window { kernel: 3, stride: 1, padding: 1 },
    takes: Pooling::Mean,
    over_the_edge: false,
};
/// 3x3 maxima, same size.
const MAX: Pool = Pool { takes: Pooling::Max, ..MEAN };
/// 3x3 maxima, half the size.
const HALVE: Pool = Pool { window: Window { kernel: 3, stride: 2, padding: 0 }, ..MAX };

struct Inception {
    stem: [Vec<Conv>; 2],
    blocks: Vec<Block>,
    classes: Tensor<2>,
    bias: Tensor<1>,
}

/// Name, feature maps in and out, kernel, stride, padding.
type Layer<'a> = (&'a str, usize, usize, [usize; 2], usize, [usize; 2]);

/// A layer with padding that keeps the size.
const fn same(name: &str, inputs: usize, outputs: usize, kernel: [usize; 2]) -> Layer<'_> {
    (name, inputs, outputs, kernel, 1, [kernel[0] / 2, kernel[1] / 2])
}

/// A layer without padding.
const fn bare(
    name: &str,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> Layer<'_> {
    (name, inputs, outputs, [kernel; 2], stride, [0; 2])
}

/// Reads the convolutions of one block.
struct Reader<'a> {
    weights: &'a Weights,
    block: &'a str,
}

impl Reader<'_> {
    fn conv(
        &self,
        (name, inputs, outputs, [h, w], stride, padding): Layer<'_>,
    ) -> Result<Conv, Error> {
        let name = match self.block {
            "" => name.to_owned(),
            block => format!("{block}.{name}"),
        };
        let names = [format!("{name}.conv"), format!("{name}.bn")];
        let names = names.each_ref().map(String::as_str);
        self.weights.normalised_conv(names, [outputs, inputs, h, w], stride, padding, EPSILON)
    }

    fn way(&self, pool: Option<Pool>, layers: &[Layer<'_>]) -> Result<Way, Error> {
        let chain = layers.iter().map(|layer| self.conv(*layer));
        Ok(Way { pool, chain: chain.collect::<Result<_, _>>()?, fork: Vec::new() })
    }

    fn forked(&self, layers: &[Layer<'_>], fork: [Layer<'_>; 2]) -> Result<Way, Error> {
        let fork = [self.conv(fork[0])?, self.conv(fork[1])?];
        Ok(Way { fork: fork.into(), ..self.way(None, layers)? })
    }
}

fn block_a(weights: &Weights, block: &str, inputs: usize, pooled: usize) -> Result<Block, Error> {
    let r = Reader { weights, block };
    Ok(Block {
        ways: vec![
            r.way(None, &[same("branch1x1", inputs, 64, [1, 1])])?,
            r.way(
                None,
                &[same("branch5x5_1", inputs, 48, [1, 1]), same("branch5x5_2", 48, 64, [5, 5])],
            )?,
            r.way(
                None,
                &[
                    same("branch3x3dbl_1", inputs, 64, [1, 1]),
                    same("branch3x3dbl_2", 64, 96, [3, 3]),
                    same("branch3x3dbl_3", 96, 96, [3, 3]),
                ],
            )?,
            r.way(Some(MEAN), &[same("branch_pool", inputs, pooled, [1, 1])])?,
        ],
    })
}

fn block_b(weights: &Weights, block: &str, inputs: usize) -> Result<Block, Error> {
    let r = Reader { weights, block };
    Ok(Block {
        ways: vec![
            r.way(None, &[bare("branch3x3", inputs, 384, 3, 2)])?,
            r.way(
                None,
                &[
                    same("branch3x3dbl_1", inputs, 64, [1, 1]),
                    same("branch3x3dbl_2", 64, 96, [3, 3]),
                    bare("branch3x3dbl_3", 96, 96, 3, 2),
                ],
            )?,
            r.way(Some(HALVE), &[])?,
        ],
    })
}

fn block_c(weights: &Weights, block: &str, inputs: usize, inner: usize) -> Result<Block, Error> {
    let r = Reader { weights, block };
    Ok(Block {
        ways: vec![
            r.way(None, &[same("branch1x1", inputs, 192, [1, 1])])?,
            r.way(
                None,
                &[
                    same("branch7x7_1", inputs, inner, [1, 1]),
                    same("branch7x7_2", inner, inner, [1, 7]),
                    same("branch7x7_3", inner, 192, [7, 1]),
                ],
            )?,
            r.way(
                None,
                &[
                    same("branch7x7dbl_1", inputs, inner, [1, 1]),
                    same("branch7x7dbl_2", inner, inner, [7, 1]),
                    same("branch7x7dbl_3", inner, inner, [1, 7]),
                    same("branch7x7dbl_4", inner, inner, [7, 1]),
                    same("branch7x7dbl_5", inner, 192, [1, 7]),
                ],
            )?,
            r.way(Some(MEAN), &[same("branch_pool", inputs, 192, [1, 1])])?,
        ],
    })
}

fn block_d(weights: &Weights, block: &str, inputs: usize) -> Result<Block, Error> {
    let r = Reader { weights, block };
    Ok(Block {
        ways: vec![
            r.way(
                None,
                &[same("branch3x3_1", inputs, 192, [1, 1]), bare("branch3x3_2", 192, 320, 3, 2)],
            )?,
            r.way(
                None,
                &[
                    same("branch7x7x3_1", inputs, 192, [1, 1]),
                    same("branch7x7x3_2", 192, 192, [1, 7]),
                    same("branch7x7x3_3", 192, 192, [7, 1]),
                    bare("branch7x7x3_4", 192, 192, 3, 2),
                ],
            )?,
            r.way(Some(HALVE), &[])?,
        ],
    })
}

fn block_e(weights: &Weights, block: &str, inputs: usize, pool: Pool) -> Result<Block, Error> {
    let r = Reader { weights, block };
    Ok(Block {
        ways: vec![
            r.way(None, &[same("branch1x1", inputs, 320, [1, 1])])?,
            r.forked(
                &[same("branch3x3_1", inputs, 384, [1, 1])],
                [same("branch3x3_2a", 384, 384, [1, 3]), same("branch3x3_2b", 384, 384, [3, 1])],
            )?,
            r.forked(
                &[
                    same("branch3x3dbl_1", inputs, 448, [1, 1]),
                    same("branch3x3dbl_2", 448, 384, [3, 3]),
                ],
                [
                    same("branch3x3dbl_3a", 384, 384, [1, 3]),
                    same("branch3x3dbl_3b", 384, 384, [3, 1]),
                ],
            )?,
            r.way(Some(pool), &[same("branch_pool", inputs, 192, [1, 1])])?,
        ],
    })
}

impl Inception {
    fn load(weights: &Weights) -> Result<Self, Error> {
        let r = Reader { weights, block: "" };
        let stem = [
            vec![
                r.conv(bare("Conv2d_1a_3x3", 3, 32, 3, 2))?,
                r.conv(bare("Conv2d_2a_3x3", 32, 32, 3, 1))?,
                r.conv(same("Conv2d_2b_3x3", 32, 64, [3, 3]))?,
            ],
            vec![
                r.conv(bare("Conv2d_3b_1x1", 64, 80, 1, 1))?,
                r.conv(bare("Conv2d_4a_3x3", 80, 192, 3, 1))?,
            ],
        ];
        let blocks = vec![
            block_a(weights, "Mixed_5b", 192, 32)?,
            block_a(weights, "Mixed_5c", 256, 64)?,
            block_a(weights, "Mixed_5d", 288, 64)?,
            block_b(weights, "Mixed_6a", 288)?,
            block_c(weights, "Mixed_6b", 768, 128)?,
            block_c(weights, "Mixed_6c", 768, 160)?,
            block_c(weights, "Mixed_6d", 768, 160)?,
            block_c(weights, "Mixed_6e", 768, 192)?,
            block_d(weights, "Mixed_7a", 768)?,
            block_e(weights, "Mixed_7b", 1280, MEAN)?,
            block_e(weights, "Mixed_7c", 2048, MAX)?,
        ];
        Ok(Self {
            stem,
            blocks,
            classes: weights.tensor("fc.weight", [CLASSES, 2048])?,
            bias: weights.tensor("fc.bias", [CLASSES])?,
        })
    }
}

fn through(chain: &[Conv], x: Tensor<4>) -> Tensor<4> {
    chain.iter().fold(x, |x, conv| conv.rectified(x))
}

impl Block {
    fn forward(&self, x: &Tensor<4>) -> Tensor<4> {
        let ways = self.ways.iter().flat_map(|way| {
            let pooled = way.pool.map_or_else(|| x.clone(), |pool| pool2d(x.clone(), pool));
            let y = through(&way.chain, pooled);
            match way.fork.as_slice() {
                [] => vec![y],
                fork => fork.iter().map(|conv| conv.rectified(y.clone())).collect(),
            }
        });
        join_channels(ways.collect())
    }
}

impl Network for Inception {
    fn features(&self, pictures: Tensor<4>, layer: &str) -> Result<Tensor<2>, Error> {
        let mut x = pictures;
        for part in &self.stem {
            x = pool2d(through(part, x), HALVE);
        }
        for block in &self.blocks {
            x = block.forward(&x);
        }
        let pool: Tensor<2> = x.mean_dims(&[2, 3]).flatten(1, 3);
        Ok(match layer {
            "pool" => pool,
            _ => {
                let logits = pool.matmul(self.classes.clone().transpose());
                match layer {
                    "logits" => logits + self.bias.clone().unsqueeze::<2>(),
                    _ => logits,
                }
            }
        })
    }
}
