//! What training will do with a collection, in sentences a person can act on.

use super::Report;
use crate::channels::Channels;
use crate::collection::LoadOptions;
use crate::size::{Size, Suggestion};
use crate::transform::Fit;

/// Below this many pictures a run will mostly repeat what it was shown.
const FEW_PICTURES: usize = 50;
/// Below this many pictures in a class, the class will hardly be learnt.
const FEW_IN_CLASS: usize = 10;

pub(super) fn sentences(
    report: &Report,
    native: Size,
    options: &LoadOptions,
    dimensions: &[(u32, u32)],
    possible: impl Fn(Size) -> Size,
) -> Vec<String> {
    if report.pictures == 0 {
        return vec!["Training cannot start: no picture can be read.".to_owned()];
    }
    let mut plan = Vec::new();
    let size = options.size.unwrap_or(report.suggested_size);
    let chosen = match options.size {
        Some(_) => "as requested".to_owned(),
        None if size == native => "the size suggested by the pictures".to_owned(),
        None => {
            format!(
                "the nearest size to {native} (suggested by the pictures) that a network can make"
            )
        }
    };
    plan.push(format!("Every picture is resized to {size} pixels, {chosen}."));
    let times = report.enlargement;
    let drawn: Vec<(u32, u32)> =
        dimensions.iter().map(|(width, height)| (width / times, height / times)).collect();
    let drawn = Suggestion::of(&drawn);
    let larger = Suggestion { size: native, ..drawn }.larger(&possible);
    if let Some(larger) = larger.filter(|_| options.size.is_none()) {
        plan.push(format!("The {larger}."));
    }
    if times > 1 {
        let drawn = possible(drawn.size);
        if drawn.area() < size.area() {
            plan.push(format!(
                "Pixels are drawn {times} times as large as needed: --size {drawn} trains on {} pixels \
                 instead of {}, and generate --scale {times} enlarges the results again.",
                drawn.area(),
                size.area()
            ));
        }
    }
    fit(options.fit, (size.width(), size.height()), dimensions, &mut plan);
    channels(report, options, &mut plan);
    if report.flat > 0 {
        let nothing = show_nothing(report.flat);
        plan.push(match options.channels {
            Channels::Rgba => format!("{nothing} but a single colour: remove them."),
            _ => format!(
                "{nothing} but a single colour on {}: remove them, or choose another background \
                 (softreg train --set data.background=#000000).",
                options.background
            ),
        });
    }
    if report.animated > 0 {
        plan.push(format!("Only the first frame of {} is used.", animations(report.animated)));
    }
    if !report.unreadable.is_empty() {
        plan.push(format!("{} left out as unreadable.", are(report.unreadable.len())));
    }
    let others: usize = report.ignored.values().sum();
    if others > 0 {
        plan.push(format!(
            "{others} other file{} {} ignored.",
            if others == 1 { "" } else { "s" },
            if others == 1 { "is" } else { "are" }
        ));
    }
    let copies: usize = report.duplicates.iter().map(|group| group.len() - 1).sum();
    if copies > 0 {
        plan.push(format!(
            "Exact copies are kept, so a picture with copies counts more than once ({copies} \
             could be removed)."
        ));
    }
    if report.pictures == 1 {
        plan.push("Training cannot start: at least 2 pictures are needed.".to_owned());
    } else if report.pictures < FEW_PICTURES {
        plan.push(format!(
            "With {}, a generator tends to repeat what it has seen: add more, or expect little \
             variety.",
            pictures(report.pictures)
        ));
    }
    let small = report.classes.iter().filter(|class| class.count < FEW_IN_CLASS).count();
    if small > 0 {
        plan.push(format!(
            "{small} of {} classes have fewer than {FEW_IN_CLASS} pictures; this matters only if \
             you train with labels (--conditional).",
            report.classes.len()
        ));
    }
    plan
}

fn fit(fit: Fit, (width, height): (u32, u32), dimensions: &[(u32, u32)], plan: &mut Vec<String>) {
    let wide = |&&(w, h): &&(u32, u32)| {
        // A pixel of rounding is no other shape.
        let (w, h) = (u64::from(w), u64::from(h));
        (w * u64::from(height)).abs_diff(h * u64::from(width)) > w.max(h)
    };
    let other = dimensions.iter().filter(wide).count();
    if other > 0 {
        let what = match fit {
            Fit::Crop => "cropped evenly on both sides (crop)",
            Fit::Pad => "padded with the background colour (pad)",
            Fit::Stretch => "stretched to fit (stretch)",
        };
        let are = if other == 1 { "is" } else { "are" };
        plan.push(format!("{} of another shape {are} {what}.", pictures(other)));
    }
    let small = dimensions.iter().filter(|(w, h)| *w < width && *h < height).count();
    if small > 0 {
        let are = if small == 1 { "is" } else { "are" };
        plan.push(format!("{} smaller than this size {are} enlarged.", pictures(small)));
    }
}

fn channels(report: &Report, options: &LoadOptions, plan: &mut Vec<String>) {
    let veiled = report.transparent > 0;
    match options.channels {
        Channels::Rgba => plan.push("Transparency is kept as a fourth channel.".to_owned()),
        _ if veiled => plan.push(format!(
            "Transparent parts of {} are filled with the background colour {}; --channels rgba \
             keeps them.",
            pictures(report.transparent),
            options.background
        )),
        _ => {}
    }
    let coloured = report.pictures - report.grey;
    match options.channels {
        Channels::Grey if coloured > 0 => {
            plan.push(format!("{} in colour are converted to grey.", pictures(coloured)));
        }
        Channels::Auto if coloured == 0 && !(veiled && tinted(options)) => {
            plan.push("All pictures are grey, so one channel is trained.".to_owned());
        }
        Channels::Auto => plan.push("Three channels are trained: red, green, blue.".to_owned()),
        _ => {}
    }
}

fn tinted(options: &LoadOptions) -> bool {
    let [red, green, blue] = options.background.0;
    red != green || green != blue
}

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}

fn show_nothing(count: usize) -> String {
    if count == 1 {
        "1 picture shows nothing".to_owned()
    } else {
        format!("{count} pictures show nothing")
    }
}

fn animations(count: usize) -> String {
    if count == 1 { "1 animation".to_owned() } else { format!("{count} animations") }
}

fn are(count: usize) -> String {
    if count == 1 { "1 picture is".to_owned() } else { format!("{count} pictures are") }
}
