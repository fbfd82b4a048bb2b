//! Several processes, as a launcher starts them. With MPI: tests/mpi.rs.

use crate::program::{TINY, Workplace};

#[cfg(not(feature = "mpi"))]
#[test]
fn processes_that_would_each_train_alone_are_refused() {
    let place = Workplace::new();
    for launcher in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
        let mut command = place.command(&format!("train motif {TINY} --steps 1 --out run"));
        let output = command.env(launcher, "4").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("4 processes") && said.contains("--features mpi"), "{said}");
        assert!(!place.path("run").exists());
    }
}

#[test]
fn one_process_of_a_launcher_is_a_process() {
    let place = Workplace::new();
    let mut command = place.command(&format!("train motif {TINY} --steps 1 --quiet --out run"));
    assert!(command.env("OMPI_COMM_WORLD_SIZE", "1").status().unwrap().success());
}
