//! The part of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto` that is written
//! here, field numbers as there.

use prost::{Message, Oneof};

/// `SessionLog.SessionStatus.START`.
pub(super) const SESSION_START: i32 = 1;
/// `DataType.DT_STRING`.
const STRING: i32 = 7;
/// Colour spaces of `Summary.Image`: RGB.
const RGB: i32 = 3;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub(super) what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionLog {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
    #[prost(oneof = "Content", tags = "2, 4, 8")]
    content: Option<Content>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    Simple(f32),
    #[prost(message, tag = "4")]
    Image(Image),
    #[prost(message, tag = "8")]
    Tensor(Tensor),
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    strings: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    sides: Vec<Side>,
}

#[derive(Clone, PartialEq, Message)]
struct Side {
    #[prost(int64, tag = "1")]
    size: i64,
}

impl Value {
    fn new(tag: &str, content: Content) -> Self {
        Self { tag: tag.to_string(), metadata: None, content: Some(content) }
    }

    pub(super) fn scalar(tag: &str, value: f32) -> Self {
        Self::new(tag, Content::Simple(value))
    }

    pub(super) fn image(tag: &str, width: u32, height: u32, png: Vec<u8>) -> Self {
        let (width, height) = (width.cast_signed(), height.cast_signed());
        let image = Image { height, width, colorspace: RGB, encoded: png };
        Self::new(tag, Content::Image(image))
    }

    /// A text is a list of one string that names its plugin, or TensorBoard does not show it.
    pub(super) fn text(tag: &str, markdown: &str) -> Self {
        let shape = Shape { sides: vec![Side { size: 1 }] };
        let strings = vec![markdown.as_bytes().to_vec()];
        let tensor = Tensor { dtype: STRING, shape: Some(shape), strings };
        let plugin = Plugin { name: "text".to_string() };
        Self {
            metadata: Some(Metadata { plugin: Some(plugin) }),
            ..Self::new(tag, Content::Tensor(tensor))
        }
    }
}
