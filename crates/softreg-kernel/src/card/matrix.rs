//! Tensors as matrices, in the memory of a card.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::features::{MmaConfig, TypeUsage};
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
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

/// The product of two matrices of one type, or of as many as they have in front, each one's values after the other's: sums in
/// single precision.
///
/// # Panics
/// Where they do not fit, or no kernel of CubeCL does.
pub(crate) fn product(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let rank = left.meta.num_dims();
    let [rows, inner] = [rank - 2, rank - 1].map(|axis| left.meta.shape()[axis]);
    let columns = right.meta.shape()[rank - 1];
    if rank == 2 && columns <= FEW && inner >= MANY && rows <= CUBES {
        return dots(left, right);
    }
    let mut shape: Vec<usize> = left.meta.shape()[..rank - 1].to_vec();
    shape.push(columns);
    let out = room(&left, shape);
    match matmul(left, right, Some(out), MatmulStrategy::default(), DType::F32) {
        Ok(out) => out,
        Err(error) => panic!("a product of matrices: {error:?}"),
    }
}

/// bfloat16, where there are instructions for [`product`]s of such matrices with sums in single precision.
pub(crate) fn bfloat16(client: &Client) -> Option<DType> {
    let [factors, sums] = [DType::BF16, DType::F32].map(dtype_to_storage_type);
    let of_it =
        |with: &MmaConfig| [with.a_type, with.b_type, with.cd_type] == [factors, factors, sums];
    let (features, buffer) = (&client.properties().features, TypeUsage::Buffer);
    if features.type_usage(factors).contains(buffer) && features.matmul.cmma.iter().any(of_it) {
        return Some(DType::BF16);
    }
    // A processor that acts as a card has none, but may have this: for tests, as short, and on the same way.
    let half = features.type_usage(dtype_to_storage_type(DType::F16)).contains(buffer);
    (cfg!(test) && half).then_some(DType::F16)
}

/// Up to so many columns are made by a cube for every value, as where a critic's score is made of thousands of features:
/// a product of matrices would leave all but a few multiprocessors idle.
const FEW: usize = 4;
const MANY: usize = 256;
/// Cubes along one axis that there may be on every card.
const CUBES: usize = 65_535;
/// A cube that makes one value has as many units squared: sums of so many, and then of those sums.
const UNITS: u32 = 16;

/// The product of `[rows, inner]` and `[inner, columns]`, a cube for every value.
fn dots(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let ([rows, inner], [_, columns]) = (left.meta.shape().dims(), right.meta.shape().dims());
    let out = room(&left, [rows, columns]);
    let [of, _] = types([&left, &right]);
    let [along, down] = [&left, &right].map(|x| (x.meta.strides()[0], x.meta.strides()[1]));
    dots_kernel::launch(
        &out.client,
        CubeCount::Static(rows as u32, columns as u32, 1),
        CubeDim::new_1d(UNITS * UNITS),
        memory(left),
        memory(right),
        out.clone().into_buffer_arg(),
        inner,
        along.0,
        along.1,
        down.0,
        down.1,
        of,
    );
    out
}

#[cube(launch)]
fn dots_kernel<F: Float>(
    left: &[F],
    right: &[F],
    out: &mut [f32],
    inner: usize,
    left_row: usize,
    left_inner: usize,
    right_inner: usize,
    right_column: usize,
    #[define(F)] _of: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(comptime!((UNITS * UNITS) as usize));
    let mut rest = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let row = CUBE_POS_X as usize;
    let column = CUBE_POS_Y as usize;
    let unit = UNIT_POS as usize;
    let mut sum = 0.0f32;
    let mut at = UNIT_POS as usize;
    while at < inner {
        sum += f32::cast_from(left[row * left_row + at * left_inner])
            * f32::cast_from(right[at * right_inner + column * right_column]);
        at += comptime!((UNITS * UNITS) as usize);
    }
    sums[unit] = sum;
    sync_cube();
    if UNIT_POS < UNITS {
        let mut part = 0.0f32;
        #[unroll]
        for i in 0..UNITS {
            part += sums[(UNIT_POS * UNITS + i) as usize];
        }
        rest[unit] = part;
    }
    sync_cube();
    if UNIT_POS == 0 {
        let mut total = 0.0f32;
        #[unroll]
        for i in 0..UNITS {
            total += rest[i as usize];
        }
        out[row * CUBE_COUNT_Y as usize + column] = total;
    }
}
