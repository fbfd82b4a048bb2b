use super::*;
use proptest::prelude::*;

fn transform(size: &str, channels: Channels, fit: Fit) -> Transform {
    Transform { size: size.parse().unwrap(), channels, fit, background: Background::default() }
}

fn flat(width: u32, height: u32, pixel: &[u8]) -> Raster {
    let data = pixel.repeat(width as usize * height as usize);
    Raster { width, height, channels: pixel.len(), data }
}

#[test]
fn equal_size_keeps_exact_bytes_plane_by_plane() {
    let data: Vec<u8> = (0..16 * 16 * 3).map(|i| (i % 251) as u8).collect();
    let source = Raster { width: 16, height: 16, channels: 3, data };
    for fit in [Fit::Crop, Fit::Pad, Fit::Stretch] {
        let out = transform("16", Channels::Rgb, fit).apply(&source);
        for (index, pixel) in source.data.chunks(3).enumerate() {
            assert_eq!([out[index], out[256 + index], out[512 + index]], pixel);
        }
    }
}

#[test]
fn transparent_shows_the_background_and_hides_its_colour() {
    let source = flat(16, 16, &[200, 10, 10, 0]);
    assert!(transform("16", Channels::Rgb, Fit::Crop).apply(&source).iter().all(|&v| v == 255));
    let mut red = transform("16", Channels::Rgb, Fit::Crop);
    red.background = "#ff0080".parse().unwrap();
    let out = red.apply(&source);
    assert_eq!([out[0], out[256], out[512]], [255, 0, 128]);
    let half = transform("16", Channels::Rgb, Fit::Crop).apply(&flat(16, 16, &[0, 0, 0, 128]));
    assert!(half.iter().all(|&v| v == 127));
}

#[test]
fn kept_alpha_is_multiplied_in() {
    let out = transform("16", Channels::Rgba, Fit::Crop).apply(&flat(16, 16, &[200, 100, 0, 128]));
    assert_eq!([out[0], out[256], out[512], out[768]], [100, 50, 0, 128]);
    let out = transform("16", Channels::Rgba, Fit::Crop).apply(&flat(16, 16, &[9]));
    assert_eq!([out[0], out[256], out[512], out[768]], [9, 9, 9, 255]);
}

#[test]
fn auto_is_grey_only_when_the_result_is() {
    let auto = transform("16", Channels::Auto, Fit::Crop);
    assert_eq!(auto.apply(&flat(16, 16, &[7, 7, 7])).len(), 256);
    assert_eq!(auto.apply(&flat(16, 16, &[7, 7, 8])).len(), 768);
    let mut tinted = auto;
    tinted.background = "#ff0000".parse().unwrap();
    assert_eq!(tinted.apply(&flat(16, 16, &[7, 7, 7, 9])).len(), 768);
}

#[test]
fn crop_takes_the_middle_and_pad_keeps_the_edges() {
    // Three upright bands, 16 wide each: black, grey, white.
    let band = |x: u32| [0u8, 99, 255][(x / 16) as usize];
    let data = (0..16 * 48).map(|i| band(i % 48)).collect();
    let source = Raster { width: 48, height: 16, channels: 1, data };
    let crop = transform("16", Channels::Grey, Fit::Crop).apply(&source);
    assert!(crop.iter().all(|&v| v == 99), "{crop:?}");
    let pad = transform("48", Channels::Grey, Fit::Pad).apply(&source);
    assert!(pad[..48 * 16].iter().all(|&v| v == 255), "white above");
    assert_eq!(pad[48 * 16..48 * 32], source.data);
    let stretch = transform("48", Channels::Grey, Fit::Stretch).apply(&source);
    assert_eq!((stretch[0], stretch[24], stretch[47]), (0, 99, 255));
}

#[test]
fn padding_with_kept_alpha_is_transparent() {
    let out = transform("32", Channels::Rgba, Fit::Pad).apply(&flat(32, 16, &[1, 2, 3]));
    let alpha = &out[3 * 1024..];
    assert_eq!((alpha[0], alpha[16 * 32], alpha[31 * 32]), (0, 255, 0));
}

#[test]
fn pixel_art_is_repeated_not_blurred() {
    let mut source = flat(16, 16, &[0]);
    source.data[0] = 255;
    let out = transform("32", Channels::Grey, Fit::Crop).apply(&source);
    assert!(out.iter().all(|&v| v == 0 || v == 255));
    assert_eq!(out.iter().filter(|&&v| v == 255).count(), 4);
}

proptest! {
    #[test]
    fn any_shape_gives_whole_planes(
        from in (1u32..90, 1u32..90), to in (16u32..70, 16u32..70),
        fit in prop::sample::select(vec![Fit::Crop, Fit::Pad, Fit::Stretch]),
        channels in prop::sample::select(vec![Channels::Grey, Channels::Rgb, Channels::Rgba]),
        pixel in prop::sample::select(vec![vec![9u8], vec![1, 2, 3], vec![90, 80, 70, 60]]),
    ) {
        let size = Size::new(to.0, to.1).unwrap();
        let transform = Transform { size, channels, fit, background: Background::default() };
        let out = transform.apply(&flat(from.0, from.1, &pixel));
        prop_assert_eq!(out.len(), size.area() * channels.count().unwrap());
    }

    #[test]
    fn kept_colours_never_exceed_alpha(data in prop::collection::vec(any::<u8>(), 4 * 25)) {
        let source = Raster { width: 5, height: 5, channels: 4, data };
        let out = transform("17", Channels::Rgba, Fit::Crop).apply(&source);
        let area = 17 * 17;
        for at in 0..area {
            for channel in 0..3 {
                prop_assert!(out[channel * area + at] <= out[3 * area + at]);
            }
        }
    }
}
