//! In which order a card does what several threads ask of it.

use cubecl_environment::stream::{StreamPolicy, set_policy};

/// Has every card of this process do what it is asked in one order, whichever thread asks. To be called before any card is
/// used.
///
/// Otherwise CubeCL gives every thread that ever uses a card an order of its own, with memory that is kept when the thread
/// has ended; and a thread does not wait for what another one writes in place, as an optimiser's step does.
pub fn use_cards_in_one_order() {
    set_policy(StreamPolicy::Single);
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::StreamId;

    #[test]
    fn all_threads_have_one_order() {
        use_cards_in_one_order();
        let other = std::thread::spawn(StreamId::current).join().ok();
        assert_eq!(other, Some(StreamId::current()));
    }
}
