//! The numbers of a checkpoint, free of any tensor library.

use safetensors::Dtype;

use crate::{Error, Result};

/// Numbers of one type, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Weights, averages, moments.
    F32(Vec<f32>),
    /// Counters and states of random generators.
    U64(Vec<u64>),
    /// Indices.
    I64(Vec<i64>),
    /// Bytes.
    U8(Vec<u8>),
}

/// How many numbers are turned into bytes at a time.
const CHUNK: usize = 8192;

impl Data {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::U64(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::U8(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn dtype(&self) -> Dtype {
        match self {
            Data::F32(_) => Dtype::F32,
            Data::U64(_) => Dtype::U64,
            Data::I64(_) => Dtype::I64,
            Data::U8(_) => Dtype::U8,
        }
    }

    pub(super) fn bytes_len(&self) -> usize {
        self.len() * self.dtype().bitsize() / 8
    }

    /// Hands out the little-endian bytes piece by piece.
    pub(super) fn for_each_chunk<E>(
        &self,
        mut take: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        fn pieces<T: Copy, const N: usize, E>(
            values: &[T],
            bytes_of: impl Fn(T) -> [u8; N],
            take: &mut impl FnMut(&[u8]) -> std::result::Result<(), E>,
        ) -> std::result::Result<(), E> {
            let mut piece = Vec::with_capacity(CHUNK.min(values.len()) * N);
            for chunk in values.chunks(CHUNK) {
                piece.clear();
                piece.extend(chunk.iter().flat_map(|v| bytes_of(*v)));
                take(&piece)?;
            }
            Ok(())
        }
        match self {
            Data::F32(v) => pieces(v, f32::to_le_bytes, &mut take),
            Data::U64(v) => pieces(v, u64::to_le_bytes, &mut take),
            Data::I64(v) => pieces(v, i64::to_le_bytes, &mut take),
            Data::U8(v) => take(v),
        }
    }

    /// The numbers of `bytes`; `None` when the type is none of the four.
    pub(super) fn from_bytes(dtype: Dtype, bytes: &[u8]) -> Option<Self> {
        fn numbers<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes.as_chunks::<N>().0.iter().map(|chunk| of(*chunk)).collect()
        }
        Some(match dtype {
            Dtype::F32 => Data::F32(numbers(bytes, f32::from_le_bytes)),
            Dtype::U64 => Data::U64(numbers(bytes, u64::from_le_bytes)),
            Dtype::I64 => Data::I64(numbers(bytes, i64::from_le_bytes)),
            Dtype::U8 => Data::U8(bytes.to_vec()),
            _ => return None,
        })
    }
}

/// Numbers with a shape. An empty shape is a single number.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// Gives `data` the shape `shape`.
    ///
    /// # Errors
    /// [`Error::Shape`] when the product of the shape is not the number of values.
    pub fn new(shape: impl Into<Vec<usize>>, data: Data) -> Result<Self> {
        let shape = shape.into();
        let product = shape.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
        if product != Some(data.len()) {
            let expected = product.unwrap_or(usize::MAX);
            return Err(Error::Shape { shape, expected, found: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// A list of f32.
    pub fn f32(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], data: Data::F32(values) }
    }

    /// A list of u64.
    pub fn u64(values: Vec<u64>) -> Self {
        Self { shape: vec![values.len()], data: Data::U64(values) }
    }

    /// A list of i64.
    pub fn i64(values: Vec<i64>) -> Self {
        Self { shape: vec![values.len()], data: Data::I64(values) }
    }

    /// A list of bytes.
    pub fn u8(values: Vec<u8>) -> Self {
        Self { shape: vec![values.len()], data: Data::U8(values) }
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Shape and numbers, moved out.
    pub fn into_parts(self) -> (Vec<usize>, Data) {
        (self.shape, self.data)
    }
}
