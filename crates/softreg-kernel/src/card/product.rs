//! Products of matrices. They are CubeCL's, which knows the card's matrix units; how large a tile is that a cube makes, is
//! decided here where the factors are short.

use super::matrix::{memory, room, types};
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::AddressType;
use burn_cubecl::cubecl::ir::features::{MmaConfig, TypeUsage};
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::tensor::CubeTensor;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems, MatmulProblem, MatmulSetupError};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level::components::tile::TileMatmulKind;
use cubek::matmul::multi_level::definition::{BatchMatmulBlueprint, TilingScheme};
use cubek::matmul::multi_level::{PartitionSize, StageSize, Strategy, TileSize};
use cubek::matmul::routine::BlueprintStrategy;
use cubek::std::InputBinding;

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
    if left.dtype == DType::BF16 && short(&left, &right, &out).is_ok() {
        return out;
    }
    match matmul(left, right, Some(out), MatmulStrategy::default(), DType::F32) {
        Ok(out) => out,
        Err(error) => panic!("a product of matrices: {error:?}"),
    }
}

/// The product of bfloat16 matrices by tiles as large as those that CubeCL takes in single precision: 64 x 64 by four planes,
/// or 32 x 32 by two where the result is no larger, and for each visit to memory as many bytes, so twice as many values.
/// What it would take by itself for pictures unfolded into columns, 512 x 128 by sixteen planes, is more than a plane has
/// registers for (more than 500 bytes per unit go to memory and back), and leaves a large card a dozen cubes to compute.
///
/// # Errors
/// Where the card has no such instructions, or a matrix lies as neither rows nor columns: nothing was computed.
fn short(left: &CubeTensor, right: &CubeTensor, out: &CubeTensor) -> Result<(), MatmulSetupError> {
    let [l, r, o] = [left, right, out].map(|x| x.meta.clone());
    let [factors, sums] = [DType::BF16, DType::F32].map(dtype_to_storage_type);
    let globals = MatmulGlobalElems { lhs: factors, rhs: factors, out: sums };
    let problem = MatmulProblem::from_shapes_and_strides(
        l.shape().clone(),
        r.shape().clone(),
        o.shape().clone(),
        l.strides().clone(),
        r.strides().clone(),
        o.strides().clone(),
        globals.clone(),
        AddressType::default(),
        None,
        None,
    )?;
    let planes = if problem.m <= 4 * INSTRUCTION as usize || problem.n <= 4 * INSTRUCTION as usize {
        2
    } else {
        4
    };
    let tiling = TilingScheme::builder()
        .with_tile_size(TileSize::new(INSTRUCTION, INSTRUCTION, INSTRUCTION))
        .with_partition_size(PartitionSize::new(1, planes, 4))
        .with_stage_size(StageSize::new(planes, 1, 1))
        .build()
        .map_err(|why| MatmulSetupError::InvalidConfig(Box::new(why)))?;
    let plane = out.client.properties().hardware.plane_size_max;
    let tiles =
        BatchMatmulBlueprint::builder(TileMatmulKind::Cmma, tiling, plane, &problem).build();
    launch_ref(
        &Strategy::SimpleCyclicCmma(BlueprintStrategy::Forced(tiles)).into(),
        &out.client,
        InputBinding::new(left.clone().binding(), factors),
        InputBinding::new(right.clone().binding(), factors),
        out.clone().binding(),
        &mut MatmulElems::from_globals(&globals),
    )
}

/// The side of what an instruction multiplies, on every card that has them for bfloat16.
const INSTRUCTION: u32 = 16;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::matrix::turned;
    use crate::op::cube::tests::card;
    use burn::backend::DispatchDevice;
    use burn::backend::ops::FloatTensorOps;
    use burn::tensor::TensorData;
    use burn_cubecl::CubeBackend;
    use burn_cubecl::ops::into_data_sync;

    /// That our tile is taken can be seen in no result.
    #[test]
    fn matrices_of_every_size_are_multiplied_by_our_tile() {
        let Some(card) = card() else { return };
        let DispatchDevice::Cube(device) = card.inner().as_dispatch().clone() else {
            unreachable!("a card is one of CubeCL's")
        };
        if bfloat16(&device.client()) != Some(DType::BF16) {
            assert!(std::env::var_os("SOFTREG_CARD").is_none(), "no card multiplies in bfloat16");
            eprintln!("skipped: no graphics card that multiplies in bfloat16 was found");
            return;
        }
        // Whole numbers that bfloat16 holds, and sums that f32 does.
        let value = |i: usize| ((i * 7 + i / 5) % 9) as f32 - 4.0;
        let matrix = |shape: [usize; 3]| {
            let values = (0..shape.iter().product()).map(value).collect();
            CubeBackend::float_from_data(
                TensorData::new(values, shape).convert_dtype(DType::BF16),
                &device,
            )
        };
        for [batch, rows, inner, columns] in
            [[1, 64, 64, 64], [1, 128, 96, 192], [1, 33, 70, 65], [3, 17, 130, 40], [1, 8, 16, 256]]
        {
            for (left_lies_turned, right_lies_turned) in
                [(false, false), (true, false), (false, true)]
            {
                let lie = |[batch, a, b]: [usize; 3], lies_turned| match lies_turned {
                    true => turned(matrix([batch, b, a])),
                    false => matrix([batch, a, b]),
                };
                let left = lie([batch, rows, inner], left_lies_turned);
                let right = lie([batch, inner, columns], right_lies_turned);
                let out = room(&left, [batch, rows, columns]);
                if let Err(error) = short(&left, &right, &out) {
                    panic!("{batch} x {rows} x {inner} x {columns}: {error:?}");
                }
                let at = |shape: [usize; 2], lies_turned, m: usize, a: usize, b: usize| {
                    let within = if lies_turned { b * shape[0] + a } else { a * shape[1] + b };
                    value(m * shape[0] * shape[1] + within)
                };
                let sum = |m: usize, row: usize, column: usize| -> f32 {
                    let left = |k| at([rows, inner], left_lies_turned, m, row, k);
                    let right = |k| at([inner, columns], right_lies_turned, m, k, column);
                    (0..inner).map(|k| left(k) * right(k)).sum()
                };
                let found = into_data_sync(out).try_into_vec::<f32>().expect("f32");
                let all = (0..batch * rows * columns)
                    .map(|i| sum(i / (rows * columns), i / columns % rows, i % columns));
                assert_eq!(
                    found,
                    all.collect::<Vec<_>>(),
                    "{batch} x {rows} x {inner} x {columns}"
                );
            }
        }
    }
}
