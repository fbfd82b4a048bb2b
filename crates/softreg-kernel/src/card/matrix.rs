//! Tensors as matrices, in the memory of a card.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::{permute, reshape};
use burn_cubecl::tensor::CubeTensor;

/// Memory for a result of this shape, beside `beside`, its values one after the other. Whoever asks for it writes all of it.
pub(crate) fn room(beside: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    room_for(DType::F32, beside, shape)
}

/// [`room`] for values of that type.
pub(crate) fn room_for(dtype: DType, beside: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let (client, device) = (beside.client.clone(), beside.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), dtype)
}

/// The types of two tensors, as a kernel is compiled for them.
pub(crate) fn types(of: [&CubeTensor; 2]) -> [ElemType; 2] {
    of.map(|x| dtype_to_storage_type(x.dtype))
}

/// How pictures `[n, c, h, w]` lie, as numbers: the shape of a tensor would be sent to the card before every launch.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct Lie {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    per_picture: usize,
    per_channel: usize,
    per_row: usize,
    per_column: usize,
}

impl Lie {
    pub(crate) fn of(x: &CubeTensor) -> LieLaunch {
        let [_, channels, height, width] = x.meta.shape().dims();
        let strides = x.meta.strides();
        LieLaunch::new(channels, height, width, strides[0], strides[1], strides[2], strides[3])
    }
}

#[cube]
impl Lie {
    /// Where a value lies.
    pub(crate) fn at(&self, picture: usize, channel: usize, row: usize, column: usize) -> usize {
        picture * self.per_picture
            + channel * self.per_channel
            + row * self.per_row
            + column * self.per_column
    }
}

/// All the memory in which a tensor's values lie, with what may lie between them.
pub(crate) fn memory(mut x: CubeTensor) -> BufferArg {
    let reach = x.meta.shape().iter().zip(x.meta.strides().iter());
    let length = 1 + reach.map(|(side, stride)| side.saturating_sub(1) * stride).sum::<usize>();
    x.meta = Box::new(Metadata::new([length], [1]));
    x.into_buffer_arg()
}

/// One unit for every one of so many values.
pub(crate) fn a_unit_each(beside: &CubeTensor, values: usize) -> (CubeCount, CubeDim) {
    assert!(
        u32::try_from(values).is_ok(),
        "kernels count in 32 bits: {values} values at once are too many"
    );
    let dim = CubeDim::new(&beside.client, values);
    (calculate_cube_count_elemwise(&beside.client, values, dim), dim)
}

/// Pictures `[n, c, h, w]` as `[n·h·w, c]`, copied only where channels do not lie innermost.
pub(crate) fn pixels(x: CubeTensor) -> CubeTensor {
    let [n, c, h, w] = x.meta.shape().dims();
    let x = into_contiguous(permute(x, &[0, 2, 3, 1]));
    reshape(x, Shape::new([n * h * w, c]))
}

/// Whether channels lie innermost and nothing lies between the values.
pub(crate) fn lies_as_pixels(x: &CubeTensor) -> bool {
    permute(x.clone(), &[0, 2, 3, 1]).is_contiguous()
}

/// `[n·h·w, c]`, or all that in another shape, as pictures `[n, c, h, w]`.
pub(crate) fn pictures(pixels: CubeTensor, [n, c, h, w]: [usize; 4]) -> CubeTensor {
    permute(reshape(pixels, Shape::new([n, h, w, c])), &[0, 3, 1, 2])
}

/// `[…, a, b]` as `[…, b, a]`, without a copy.
pub(crate) fn turned(x: CubeTensor) -> CubeTensor {
    let rank = x.meta.num_dims();
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(rank - 2, rank - 1);
    permute(x, &axes)
}

/// A matrix as a factor of a product, of that type. Burn's own cast may leave gaps between rows.
pub(crate) fn factor(x: CubeTensor, dtype: DType) -> CubeTensor {
    if x.dtype == dtype {
        return x;
    }
    let x = into_contiguous(x);
    let out = room_for(dtype, &x, x.meta.shape().clone());
    let (cubes, dim) = a_unit_each(&out, out.meta.num_elements());
    let types = types([&x, &out]);
    let to = out.clone().into_buffer_arg();
    factor_kernel::launch(&out.client, cubes, dim, x.into_buffer_arg(), to, types);
    out
}

#[cube(launch)]
fn factor_kernel<X: Float, F: Float>(
    from: &[X],
    to: &mut [F],
    #[define(X, F)] _types: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= to.len() {
        terminate!();
    }
    to[at] = F::cast_from(from[at]);
}
