//! Measures of held-out pictures while a run trains.

use super::{config, fresh, last, newest, train};
use softreg_run::checkpoint;
use softreg_run::{RunFolder, State};
use softreg_train::observer::{Event, Observer};
use softreg_train::sample::PictureSet;
use softreg_train::{Measured, Validation};
use std::sync::{Arc, Mutex};

/// A measure that follows a script.
struct Script(Mutex<Vec<f64>>);

impl Validation for Script {
    fn name(&self) -> String {
        "script".to_owned()
    }
    fn measure(&self, generated: &PictureSet) -> Result<Measured, String> {
        assert_eq!(generated.len(), 5);
        let beside = vec![
            ("beside".to_owned(), Ok(0.5)),
            ("missing".to_owned(), Err("it is not there".to_owned())),
        ];
        Ok(Measured { value: self.0.lock().unwrap().remove(0), beside })
    }
    fn pictures(&self) -> usize {
        5
    }
}

#[derive(Default)]
struct Log(Vec<(u64, f64, bool)>);

impl Observer for Log {
    fn notice(&mut self, event: Event) {
        if let Event::Validation { step, value, best, .. } = event {
            self.0.push((step, value, best));
        }
    }
}

#[test]
fn patience_ends_the_run_and_the_best_checkpoint_is_kept() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let settings =
        "stop.steps=100 stop.patience=2 stop.check-every=3 data.validation=0.2 output.keep=1";
    let mut log = Log::default();
    let script = Arc::new(Script(Mutex::new(vec![5.0, 3.0, 4.0, 3.0])));
    let outcome = train(&folder, config(settings), Some(script), &mut log, false).unwrap();
    // The value of step 12 counts at the check after it.
    assert_eq!(outcome.step, 15);
    assert!(outcome.finished && outcome.reason.contains("no improvement"), "{}", outcome.reason);
    assert_eq!(log.0, [(3, 5.0, true), (6, 3.0, true), (9, 4.0, false), (12, 3.0, false)]);
    assert_eq!(checkpoint::list(folder.checkpoints()).unwrap(), [6, 15]);
    assert_eq!(folder.read_status().unwrap().state, State::Finished);
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    assert_eq!(rows[2].get("validation/script"), None);
    assert_eq!(rows[5].get("validation/script"), Some(5.0));
    assert_eq!(rows[5].get("validation/beside"), Some(0.5));
    assert_eq!(rows[5].get("validation/missing"), None);
    assert_eq!(rows[5].get("validation/step"), Some(3.0));
}

/// The checkpoints that are there after each one that is written.
struct Kept(RunFolder, Vec<Vec<u64>>);

impl Observer for Kept {
    fn notice(&mut self, event: Event) {
        if let Event::Checkpoint { .. } = event {
            self.1.push(checkpoint::list(self.0.checkpoints()).unwrap());
        }
    }
}

#[test]
fn a_checkpoint_is_kept_while_it_is_measured_and_where_it_was_the_best() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let settings = "stop.steps=12 stop.check-every=5 data.validation=0.2 output.keep=1 \
        output.checkpoint-every=1";
    let mut kept = Kept(folder.clone(), Vec::new());
    let script = Arc::new(Script(Mutex::new(vec![1.0, 2.0])));
    train(&folder, config(settings), Some(script), &mut kept, false).unwrap();
    let after = |step: u64| kept.1.iter().find(|there| there.last() == Some(&step)).unwrap();
    assert_eq!(after(4), &[4]);
    // Killed here, the run measures step 5 again when it goes on.
    assert_eq!(after(9), &[5, 9]);
    assert_eq!(after(11), &[5, 10, 11]);
    assert_eq!(checkpoint::list(folder.checkpoints()).unwrap().last(), Some(&12));
}

#[test]
fn a_check_that_is_due_at_the_end_takes_place() {
    let parent = tempfile::tempdir().unwrap();
    let folder = fresh(parent.path(), "run");
    let settings = "stop.steps=12 stop.check-every=4 data.validation=0.2";
    let mut log = Log::default();
    let script = || Arc::new(Script(Mutex::new(vec![5.0, 4.0, 3.0])));
    train(&folder, config(settings), Some(script()), &mut log, false).unwrap();
    assert_eq!(log.0, [(4, 5.0, true), (8, 4.0, true), (12, 3.0, true)]);
    assert_eq!(last(&folder, "validation/step"), 12.0);
    assert_eq!(newest(&folder).1.text("best_step").unwrap(), "12");
    // Gone on with, nothing is measured twice, also where the end came between the last row and the last checkpoint.
    let (step, mut file) = newest(&folder);
    file.metadata.insert("pending".to_owned(), "12".to_owned());
    file.metadata.insert("best".to_owned(), "4".to_owned());
    file.metadata.insert("best_step".to_owned(), "8".to_owned());
    checkpoint::write(folder.checkpoint(step), &file).unwrap();
    let again = Arc::new(Script(Mutex::new(vec![3.0, 9.0])));
    let longer = settings.replace("steps=12", "steps=13");
    train(&folder, config(&longer), Some(again), &mut log, true).unwrap();
    let rows = softreg_run::metrics::read(folder.metrics()).unwrap();
    let measured: Vec<f64> = rows.iter().filter_map(|row| row.get("validation/step")).collect();
    assert_eq!(measured, [4.0, 8.0, 12.0]);
}
