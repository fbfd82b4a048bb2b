//! Pixels of pictures moved to other places, all channels alike, and the gradient of that.

use super::matrix::{Lie, a_unit_each, memory, room};
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::tensor::CubeTensor;

/// `[n, c, h, w]`: pixel `p` of picture `i` is pixel `sources[i·h·w + p]` of the same picture, or 0 where there is none of
/// that number.
pub(crate) fn gather(x: CubeTensor, sources: &[u32]) -> CubeTensor {
    let shape = x.meta.shape().clone();
    let (out, sources) = (room(&x, shape), numbers(&x, sources));
    let (cubes, dim) = a_unit_each(&x, out.meta.num_elements());
    let lie = Lie::of(&x);
    gather_kernel::launch(
        &out.client,
        cubes,
        dim,
        memory(x),
        lie,
        sources.into_buffer_arg(),
        out.clone().into_buffer_arg(),
    );
    out
}

/// The gradient of [`gather`]'s input: to every pixel goes back what was taken from it, in the order of the pixels that took
/// it, so that the sum is the same in every run.
pub(crate) fn scatter(gradient: CubeTensor, sources: &[u32]) -> CubeTensor {
    let [_, _, h, w] = gradient.meta.shape().dims();
    let shape = gradient.meta.shape().clone();
    let (starts, takers) = takers(sources, h * w);
    let [starts, takers] = [starts, takers].map(|list| numbers(&gradient, &list));
    let out = room(&gradient, shape);
    let (cubes, dim) = a_unit_each(&gradient, out.meta.num_elements());
    let lie = Lie::of(&gradient);
    scatter_kernel::launch(
        &out.client,
        cubes,
        dim,
        memory(gradient),
        lie,
        starts.into_buffer_arg(),
        takers.into_buffer_arg(),
        out.clone().into_buffer_arg(),
    );
    out
}

/// For every pixel of every picture the pixels that it is the source of: where they begin, and one after the other.
fn takers(sources: &[u32], pixels: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; sources.len() + 1];
    let taken = || {
        let all = sources.iter().enumerate().filter(|(_, source)| (**source as usize) < pixels);
        all.map(|(at, source)| (at / pixels * pixels + *source as usize, (at % pixels) as u32))
    };
    taken().for_each(|(from, _)| starts[from + 1] += 1);
    for from in 0..sources.len() {
        starts[from + 1] += starts[from];
    }
    // One at least: there are no buffers of nothing.
    let mut takers = vec![0u32; starts[sources.len()].max(1) as usize];
    let mut next = starts.clone();
    for (from, taker) in taken() {
        takers[next[from] as usize] = taker;
        next[from] += 1;
    }
    (starts, takers)
}

fn numbers(beside: &CubeTensor, list: &[u32]) -> CubeTensor {
    let handle = beside.client.create_from_slice(bytemuck::cast_slice(list));
    let (client, device) = (beside.client.clone(), beside.device.clone());
    CubeTensor::new_contiguous(client, device, Shape::new([list.len()]), handle, DType::U32)
}

/// Whose value stands at a place of contiguous pictures.
#[derive(CubeType)]
struct Place {
    picture: usize,
    channel: usize,
    /// Among the pixels of all pictures.
    pixel: usize,
}

#[cube]
fn place(at: usize, lie: &Lie) -> Place {
    let pixels = lie.height * lie.width;
    let plane = at / pixels;
    let picture = plane / lie.channels;
    Place { picture, channel: plane % lie.channels, pixel: picture * pixels + at % pixels }
}

/// The value of another pixel in the same channel of the same picture.
#[cube]
fn other(values: &[f32], lie: &Lie, place: &Place, pixel: usize) -> f32 {
    values[lie.at(place.picture, place.channel, pixel / lie.width, pixel % lie.width)]
}

#[cube(launch)]
fn gather_kernel(x: &[f32], lie: &Lie, sources: &[u32], out: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let place = place(at, lie);
    let source = sources[place.pixel] as usize;
    let mut value = 0.0f32;
    if source < lie.height * lie.width {
        value = other(x, lie, &place, source);
    }
    out[at] = value;
}

#[cube(launch)]
fn scatter_kernel(gradient: &[f32], lie: &Lie, starts: &[u32], takers: &[u32], out: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let place = place(at, lie);
    let mut sum = 0.0f32;
    for i in starts[place.pixel]..starts[place.pixel + 1] {
        sum += other(gradient, lie, &place, takers[i as usize] as usize);
    }
    out[at] = sum;
}

#[cfg(test)]
mod tests {
    use super::takers;

    #[test]
    fn every_pixel_knows_who_took_it() {
        // Two pictures of three pixels; 7 is outside.
        let (starts, list) = takers(&[2, 2, 7, 0, 1, 0], 3);
        assert_eq!(starts, [0, 0, 0, 2, 4, 5, 5]);
        assert_eq!(list, [0, 1, 0, 2, 1]);
        assert_eq!(takers(&[9, 9], 2), (vec![0, 0, 0], vec![0]));
    }
}
