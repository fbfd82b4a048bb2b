//! SqueezeNet 1.1 on ImageNet.
//!
//! Source: arXiv 1602.07360, section 3, in the smaller version 1.1 of its authors. Weights are read by
//! the names of torchvision (`features.3.squeeze.weight`) or of MXNet's model zoo
//! (`weights/squeezenet0_conv1_weight`). Layers: `pool`, the 512 means of the last fire module;
//! `logits`, the 1,000 classes.

use super::{Build, Conv, Network, NetworkEntry};
use crate::Error;
use crate::weights::Weights;
use burn::tensor::Tensor;
use softreg_kernel::{Pool, Pooling, Window, join_channels, pool2d};

pub(super) const ENTRY: NetworkEntry = NetworkEntry {
    name: "squeezenet-1.1",
    summary: "ImageNet classifier with 26 convolutions",
    layers: &["pool", "logits"],
    smallest: 32,
    batch: 32,
    signature: Some(|names| {
        names.contains("features.12.expand3x3.weight") || names.contains(&zoo(25, "weight"))
    }),
    build: Build::Trained(|weights| Ok(Box::new(SqueezeNet::load(weights)?))),
};

/// Place among torchvision's `features`, and feature maps in, squeezed and out of each half.
const FIRES: [(usize, usize, usize, usize); 8] = [
    (3, 64, 16, 64),
    (4, 128, 16, 64),
    (6, 128, 32, 128),
    (7, 256, 32, 128),
    (9, 256, 48, 192),
    (10, 384, 48, 192),
    (11, 384, 64, 256),
    (12, 512, 64, 256),
];
/// Before the fires of these places, the picture is halved.
const HALVED: [usize; 3] = [3, 6, 9];

/// A window that reaches over the edge counts, as in the authors' program.
const HALVING: Pool = Pool {
    window: Window { kernel: 3, stride: 2, padding: 0 },
    takes: Pooling::Max,
    over_the_edge: true,
};

fn zoo(conv: usize, part: &str) -> String {
    format!("weights/squeezenet0_conv{conv}_{part}")
}

struct Fire {
    place: usize,
    squeeze: Conv,
    expand: [Conv; 2],
}

struct SqueezeNet {
    picture: Conv,
    fires: Vec<Fire>,
    classes: Conv,
}

impl SqueezeNet {
    fn load(weights: &Weights) -> Result<Self, Error> {
        let from_zoo = weights.has(&zoo(0, "weight"));
        let mut next = 0;
        let mut conv = |torch: String, shape: [usize; 4], stride, padding| {
            let names = match from_zoo {
                true => ["weight", "bias"].map(|part| zoo(next, part)),
                false => ["weight", "bias"].map(|part| format!("{torch}.{part}")),
            };
            next += 1;
            weights.conv([names[0].as_str(), names[1].as_str()], shape, stride, padding)
        };
        let picture = conv("features.0".to_owned(), [64, 3, 3, 3], 2, 0)?;
        let mut fires = Vec::new();
        for (place, inputs, squeezed, outputs) in FIRES {
            let name = |part: &str| format!("features.{place}.{part}");
            fires.push(Fire {
                place,
                squeeze: conv(name("squeeze"), [squeezed, inputs, 1, 1], 1, 0)?,
                expand: [
                    conv(name("expand1x1"), [outputs, squeezed, 1, 1], 1, 0)?,
                    conv(name("expand3x3"), [outputs, squeezed, 3, 3], 1, 1)?,
                ],
            });
        }
        let classes = conv("classifier.1".to_owned(), [1000, 512, 1, 1], 1, 0)?;
        Ok(Self { picture, fires, classes })
    }
}

impl Network for SqueezeNet {
    fn features(&self, pictures: Tensor<4>, layer: &str) -> Result<Tensor<2>, Error> {
        let mut x = self.picture.rectified(pictures);
        for fire in &self.fires {
            if HALVED.contains(&fire.place) {
                x = pool2d(x, HALVING);
            }
            let squeezed = fire.squeeze.rectified(x);
            let halves = fire.expand.each_ref().map(|half| half.rectified(squeezed.clone()));
            x = join_channels(halves.to_vec());
        }
        if layer == "logits" {
            x = self.classes.rectified(x);
        }
        Ok(x.mean_dims(&[2, 3]).flatten(1, 3))
    }
}
