//! Work on all weights of a network at once, in equal parts for several threads.

/// Threads that do a part of some work each.
pub trait Crew {
    /// How many there are.
    fn size(&self) -> usize;

    /// Does all `parts`, as many as there are threads or fewer, and returns when they are done.
    fn work(&self, parts: Vec<Part<'_>>);
}

/// What one thread of a [`Crew`] does.
pub type Part<'a> = Box<dyn FnOnce() + Send + 'a>;

/// The calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneThread;

impl Crew for OneThread {
    fn size(&self) -> usize {
        1
    }

    fn work(&self, parts: Vec<Part<'_>>) {
        parts.into_iter().for_each(|part| part());
    }
}

/// Values that can be cut in two.
#[cfg(feature = "flex")]
pub(crate) trait Cut: Sized + Send {
    /// A thread with fewer values would be done sooner than it hears of them.
    const LEAST: usize;

    fn length(&self) -> usize;

    /// Those before `at`, and the others.
    fn cut(self, at: usize) -> (Self, Self);
}

/// `f` on all of `rows`, cut where one part of equal length ends and the next begins: rows of any lengths are as one.
#[cfg(feature = "flex")]
pub(crate) fn deal<T: Cut>(rows: Vec<T>, crew: &dyn Crew, f: impl Fn(T) + Sync) {
    let total: usize = rows.iter().map(Cut::length).sum();
    let count = crew.size().min(total / T::LEAST);
    if count <= 1 {
        return rows.into_iter().for_each(f);
    }
    let (f, mut rest) = (&f, rows.into_iter());
    let mut next = rest.next();
    let part = |i: usize| {
        let mut room = total * (i + 1) / count - total * i / count;
        let mut own = Vec::new();
        while let Some(row) = next.take().or_else(|| rest.next()) {
            if row.length() > room {
                let (mine, others) = row.cut(room);
                own.push(mine);
                next = Some(others);
                break;
            }
            room -= row.length();
            own.push(row);
        }
        Box::new(move || own.into_iter().for_each(f)) as Part<'_>
    };
    crew.work((0..count).map(part).collect());
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Takes parts, and does them last first.
    struct Backwards(usize);

    impl Crew for Backwards {
        fn size(&self) -> usize {
            self.0
        }

        fn work(&self, parts: Vec<Part<'_>>) {
            assert!(parts.len() <= self.0);
            parts.into_iter().rev().for_each(|part| part());
        }
    }

    const LEAST: usize = 4096;

    impl Cut for &mut [f32] {
        const LEAST: usize = LEAST;

        fn length(&self) -> usize {
            self.len()
        }

        fn cut(self, at: usize) -> (Self, Self) {
            self.split_at_mut(at)
        }
    }

    #[test]
    fn every_value_is_in_one_part_and_parts_are_equal() {
        for (size, lengths) in [
            (1, vec![30_000, 5]),
            (2, vec![9000, 1, 0, 3, 20_000, 7]),
            (3, vec![0, 12_288, 0]),
            (4, vec![100; 300]),
            (8, vec![33_000, 1]),
            (8, vec![100]),
            (5, vec![]),
        ] {
            let mut rows: Vec<Vec<f32>> = lengths.iter().map(|n| vec![0.0; *n]).collect();
            let done = Mutex::new(Vec::new());
            deal(rows.iter_mut().map(Vec::as_mut_slice).collect(), &Backwards(size), |row| {
                row.iter_mut().for_each(|value| *value += 1.0);
                done.lock().expect("no panic").push(row.len());
            });
            assert!(rows.iter().flatten().all(|value| *value == 1.0), "{size} {lengths:?}");
            let (total, pieces) = (lengths.iter().sum::<usize>(), done.into_inner().expect("all"));
            let parts = size.min(total / LEAST).max(1);
            // No more cuts than there are borders between parts.
            assert!(pieces.len() < lengths.len() + parts, "{size} {lengths:?}: {pieces:?}");
            if lengths.len() == 1 && parts > 1 {
                assert!(
                    pieces.iter().all(|piece| piece.abs_diff(total / parts) <= 1),
                    "{pieces:?}"
                );
            }
        }
    }
}
